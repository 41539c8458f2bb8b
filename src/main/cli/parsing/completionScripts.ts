/**
 * The scripts that `framehouse completion SHELL` prints. Each asks the program itself for candidates
 * (`framehouse __complete WORD …`), so that every shell agrees with the program's own declarations.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

const SCRIPTS: Record<Shell, string> = {
  bash: `# bash completion for framehouse; load it with:  source <(framehouse completion bash)
_framehouse() {
  # Bash splits words at "=" and ":"; the program expects them as typed.
  local word line=() glue=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ \${#line[@]} -gt 0 && ( -n $glue || $word == [=:]* ) ]]; then line[-1]+=$word; else line+=("$word"); fi
    glue=
    [[ $word == *[=:] ]] && glue=1
  done
  local typed=\${COMP_WORDS[COMP_CWORD]} found IFS=$'\\n'
  [[ $typed == [=:] ]] && typed=
  found=$("\${COMP_WORDS[0]}" __complete "\${line[@]}" 2>/dev/null) || return 0
  case "$found" in
    :files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$typed")) ;;
    :folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$typed")) ;;
    *)
      # Bash replaces only the last piece; what precedes it is already typed.
      local before=\${line[-1]%"$typed"}
      COMPREPLY=($found)
      COMPREPLY=("\${COMPREPLY[@]#"$before"}")
      ;;
  esac
}
complete -F _framehouse framehouse
`,
  zsh: `#compdef framehouse
# zsh completion for framehouse; load it with:  source <(framehouse completion zsh)
_framehouse() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case "\${found[1]}" in
    :files) compset -P '*='; _files ;;
    :folders) compset -P '*='; _files -/ ;;
    '') ;;
    *) compadd -- "\${found[@]}" ;;
  esac
}
if [ "\${funcstack[1]}" = "_framehouse" ]; then _framehouse "$@"; else compdef _framehouse framehouse; fi
`,
  fish: `# fish completion for framehouse; load it with:  framehouse completion fish | source
function __framehouse_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (framehouse __complete $words[2..-1] 2>/dev/null)
  # In "--option=path" the shell completes the path.
  set -l before (string match -r '^--[^=]+=' -- $words[-1])
  set -l typed (string replace -r '^--[^=]+=' '' -- $words[-1])
  switch "$found[1]"
    case :files
      printf '%s\\n' "$before"(__fish_complete_path "$typed")
    case :folders
      printf '%s\\n' "$before"(__fish_complete_directories "$typed")
    case '*'
      printf '%s\\n' $found
  end
end
complete -c framehouse -f -a '(__framehouse_complete)'
`,
}
