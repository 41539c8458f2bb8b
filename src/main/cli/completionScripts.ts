/**
 * The scripts that `framehouse completion SHELL` prints. Each asks the program itself for candidates
 * (`framehouse __complete WORD …`), so that all shells agree with the program's own declarations.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

const SCRIPTS: Record<Shell, string> = {
  bash: `# bash completion for framehouse; load it with:  source <(framehouse completion bash)
_framehouse() {
  local IFS=$'\\n' line=("\${COMP_WORDS[@]:1:COMP_CWORD}") found
  # Bash splits at "=" and ":"; the program wants the words as they were typed.
  if declare -F __reassemble_comp_words_by_ref >/dev/null; then
    local words cword
    __reassemble_comp_words_by_ref "=:" words cword
    line=("\${words[@]:1:cword}")
  fi
  found=$("\${COMP_WORDS[0]}" __complete "\${line[@]}" 2>/dev/null) || return 0
  case "$found" in
    :files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
    :folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
    *)
      COMPREPLY=($found)
      if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "\${line[-1]}"; fi
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
    :files) _files ;;
    :folders) _files -/ ;;
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
  switch "$found[1]"
    case :files
      __fish_complete_path (commandline -ct)
    case :folders
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $found
  end
end
complete -c framehouse -f -a '(__framehouse_complete)'
`,
}
