/** The shipped job types in German, by the English texts of their scripts (resources/job-types). */

/** By the script's label, or by the key of a setting without one. */
export const labels: Readonly<Record<string, string>> = {
  'Command per Frame': 'Befehl je Bild',
  Container: 'Container',
  'Demo Render': 'Vorführung',
  'Echo Sleep Test': 'Probe mit Echo und Pause',
  'FFmpeg Encode': 'Video mit FFmpeg',
  'Simple Blender Render': 'Blender-Bildfolge',
  'Single Image Render': 'Einzelbild auf vielen Rechnern',
  GPUs: 'GPUs',
  'Grace (s)': 'Frist (s)',
  'Memory (MB)': 'Speicher (MB)',
  Processes: 'Prozesse',
  'Time limit (s)': 'Zeitgrenze (s)',
  add_path_components: 'Ordner im Pfad',
  audio: 'Ton',
  blendfile: 'Blender-Datei',
  chunk_size: 'Bilder je Aufgabe',
  codec: 'Codec',
  columns: 'Spalten',
  command: 'Befehl',
  cpus: 'Prozessorkerne',
  drop_capabilities: 'Capabilities ablegen',
  environment: 'Umgebung',
  extra_args: 'Weitere Argumente',
  format: 'Format',
  fps: 'Bilder je Sekunde',
  frame: 'Bild',
  frames: 'Bilder',
  has_previews: 'Mit Vorschau',
  height: 'Höhe',
  image: 'Image',
  image_file_extension: 'Dateiendung',
  input: 'Eingabe',
  keep_container: 'Container behalten',
  keep_parts: 'Teile behalten',
  message: 'Nachricht',
  mounts: 'Mounts',
  network: 'Netz',
  output: 'Ausgabe',
  output_dir: 'Zielordner',
  output_pattern: 'Ausgabedateien',
  parts: 'Teile',
  pull: 'Image holen',
  quality: 'Qualität',
  read_only_root: 'Nur Mounts beschreibbar',
  render_output_path: 'Ausgabepfad',
  render_output_root: 'Zielordner',
  rows: 'Zeilen',
  samples: 'Samples',
  scene: 'Szene',
  seed: 'Seed',
  session_close: 'Sitzung: Ende',
  session_failed: 'Sitzung: Fehler',
  session_frame: 'Sitzung: Bild',
  session_open: 'Sitzung: Öffnen',
  session_ready: 'Sitzung: Bereit',
  sleep_duration_seconds: 'Pause (s)',
  sleep_repeats: 'Wiederholungen',
  split: 'Aufteilen in',
  stop_signal: 'Stoppsignal',
  user: 'Benutzer',
  width: 'Breite',
  work_dir: 'Arbeitsordner',
}

export const descriptions: Readonly<Record<string, string>> = {
  'Runs any command-line program for a range of frames: a renderer, a simulation, a converter':
    'Führt ein beliebiges Programm für eine Folge von Bildern aus: einen Renderer, eine Simulation, einen Konverter',
  'Runs a Docker image: once, or for each frame of a range': 'Führt ein Docker-Image aus: einmal, oder für jedes Bild einer Folge',
  'Renders a small animation with the built-in ray tracer: shows the farm at work without any other program':
    'Rechnet eine kleine Animation mit dem eingebauten Raytracer: zeigt die Farm bei der Arbeit, ohne ein anderes Programm',
  'Makes a video from a sequence of images, or encodes a video anew': 'Macht aus einer Bildfolge ein Video oder kodiert ein Video neu',
  'Render a sequence of frames, and create a preview video file': 'Rechnet eine Bildfolge und macht ein Video zur Ansicht daraus',
  'Renders one large image with many workers: in tiles, or with Cycles in shares of its samples; then merges the parts':
    'Rechnet ein großes Bild mit vielen Rechnern: in Kacheln, oder mit Cycles in Anteilen der Samples; fügt dann die Teile zusammen',

  'Program and arguments. {frame} stands for the frame and runs the program once per frame; {start}, {end}, {step}, {count} and {chunk} stand for what one task does. Numbers take a width: {frame:04}. Quotes work as in a shell, nothing else does.':
    'Programm und Argumente. {frame} steht für das Bild und startet das Programm einmal je Bild; {start}, {end}, {step}, {count} und {chunk} stehen für das, was eine Aufgabe tut. Zahlen nehmen eine Breite: {frame:04}. Anführungszeichen gelten wie in einer Shell, sonst nichts.',
  'Frames in this order, such as "47", "1-30, 50", "1-100x10" (every tenth), "10-1" or "-5..5"':
    'Bilder in dieser Folge, etwa „47“, „1-30, 50“, „1-100x10“ (jedes zehnte), „10-1“ oder „-5..5“',
  'Frames in this order, such as "47", "1-30, 50", "1-100x10" (every tenth); empty: run once':
    'Bilder in dieser Folge, etwa „47“, „1-30, 50“ oder „1-100x10“ (jedes zehnte); leer: einmal ausführen',
  'Frames to render in this order, such as "47", "1-30, 50", "1-100x10" (every tenth), "10-1" or "-5..5"':
    'Zu rechnende Bilder in dieser Folge, etwa „47“, „1-30, 50“, „1-100x10“ (jedes zehnte), „10-1“ oder „-5..5“',
  'Frames to render; the animation loops after the last one': 'Zu rechnende Bilder; nach dem letzten beginnt die Animation von vorn',
  'Frame to render': 'Zu rechnendes Bild',
  'How many frames one task does': 'Wie viele Bilder eine Aufgabe erledigt',
  'How many frames one task renders': 'Wie viele Bilder eine Aufgabe rechnet',
  'Files that the program writes, such as /renders/shot/{frame:04}.exr: shown as frames, and a missing one fails its task. A relative one is taken from work_dir':
    'Dateien, die das Programm schreibt, etwa /renders/shot/{frame:04}.exr: werden als Bilder gezeigt; fehlt eine, scheitert ihre Aufgabe. Relative gelten ab work_dir',
  'Files that the container saves, such as /renders/shot/{frame:04}.png: shown as frames, and a missing one fails its task':
    'Dateien, die der Container speichert, etwa /renders/shot/{frame:04}.png: werden als Bilder gezeigt; fehlt eine, scheitert ihre Aufgabe',
  'Folder to run in; empty: a temporary one for each task': 'Ordner, in dem es läuft; leer: ein vorläufiger für jede Aufgabe',
  'Variables of the environment: NAME=value, separated by spaces, quoted as in a shell':
    'Umgebungsvariablen: NAME=Wert, durch Leerzeichen getrennt, Anführungszeichen wie in einer Shell',
  'For a program that stays open and takes a line of text for each frame: how it is opened. The command above is then what runs where it cannot stay open.':
    'Für ein Programm, das offen bleibt und je Bild eine Zeile Text nimmt: wie es geöffnet wird. Der Befehl oben läuft dann dort, wo es nicht offen bleiben kann.',
  'Text of the line that says that it is ready for a frame': 'Text der Zeile, die sagt, dass es für ein Bild bereit ist',
  'What is written to its input for a frame, with the same placeholders as the command':
    'Was für ein Bild in seine Eingabe geschrieben wird, mit denselben Platzhaltern wie im Befehl',
  'Text of a line that says that the frame failed': 'Text einer Zeile, die sagt, dass das Bild gescheitert ist',
  'What is written to its input at the end': 'Was zum Schluss in seine Eingabe geschrieben wird',

  'Image to run: name:tag, registry/name:tag or name@sha256:…. The image that really ran is recorded with its digest':
    'Auszuführendes Image: name:tag, registry/name:tag oder name@sha256:…. Festgehalten wird mit seinem Digest, welches wirklich lief',
  "Arguments, with quotes as in a shell (no shell runs: for pipes write sh -c '…'). Empty: what the image says. With frames, {frame} starts a container for each frame; {start}, {end}, {step}, {count} and {chunk} stand for what one task does.":
    "Argumente, mit Anführungszeichen wie in einer Shell (es läuft keine: für Pipes sh -c '…' schreiben). Leer: was das Image sagt. Bei Bildern startet {frame} je Bild einen Container; {start}, {end}, {step}, {count} und {chunk} stehen für das, was eine Aufgabe tut.",
  'Folders of the worker in the container: SOURCE:TARGET or SOURCE:TARGET:ro, separated by spaces. The worker must allow them':
    'Ordner des Rechners im Container: QUELLE:ZIEL oder QUELLE:ZIEL:ro, durch Leerzeichen getrennt. Der Rechner muss sie erlauben',
  "Folder in the container to start in; empty: the image's own": 'Ordner im Container, in dem es beginnt; leer: der des Images',
  'Name, uid or uid:gid; "worker": as the worker itself, so that its files are yours':
    'Name, uid oder uid:gid; „worker“: wie der Rechner selbst, damit die Dateien die eigenen sind',
  'Processor cores; 0: no limit': 'Prozessorkerne; 0: keine Grenze',
  'More than this ends the container; 0: no limit': 'Mehr als das beendet den Container; 0: keine Grenze',
  'How many processes and threads; 0: no limit': 'Wie viele Prozesse und Threads; 0: keine Grenze',
  '"all", a number of them, or device ids with commas; empty: none': '„all“, eine Anzahl oder Gerätekennungen mit Kommas; leer: keine',
  '"bridge", "none", or a network that the worker allows': '„bridge“, „none“ oder ein Netz, das der Rechner erlaubt',
  'The container can write to its mounts only': 'Der Container kann nur in seine Mounts schreiben',
  "Drop all Linux capabilities instead of keeping Docker's default": 'Alle Linux-Capabilities ablegen, statt Dockers Vorgabe zu behalten',
  'When to fetch the image. "always" goes on with an image that is there when its registry does not answer':
    'Wann das Image geholt wird. „always“ nimmt ein vorhandenes, wenn die Registry nicht antwortet',
  'One container for several tasks of the job: each command runs in it as docker exec does. The image needs a shell, and a command must not mind what the one before it left':
    'Ein Container für mehrere Aufgaben des Auftrags: Jeder Befehl läuft darin wie mit docker exec. Das Image braucht eine Shell, und ein Befehl darf sich nicht daran stören, was der vorige hinterließ',
  'A container that runs longer is stopped and its task fails; 0: no limit':
    'Ein Container, der länger läuft, wird angehalten, und seine Aufgabe scheitert; 0: keine Grenze',
  "Asks the container to end, such as SIGINT; empty: the image's own, or SIGTERM":
    'Bittet den Container aufzuhören, etwa SIGINT; leer: das des Images, oder SIGTERM',
  'From the stop signal to the kill': 'Vom Stoppsignal bis zum Abbruch mit Gewalt',

  'What to render': 'Was gerechnet wird',
  'Width of the images in pixels': 'Breite der Bilder in Pixeln',
  'Height of the images in pixels': 'Höhe der Bilder in Pixeln',
  'Rays per pixel: more take longer and look smoother': 'Strahlen je Pixel: mehr dauern länger und sehen glatter aus',
  'Folder of the images; {timestamp} becomes the time of submission': 'Ordner der Bilder; {timestamp} wird zur Zeit des Abschickens',

  'Images, such as /renders/shot/*.png or /renders/shot/####.png, taken in the order of their numbers; one image; or a video file':
    'Bilder, etwa /renders/shot/*.png oder /renders/shot/####.png, in der Reihenfolge ihrer Nummern; ein Bild; oder eine Videodatei',
  'The video to write; its ending chooses the container: .mp4, .mov, .mkv, .webm':
    'Das zu schreibende Video; seine Endung bestimmt das Format: .mp4, .mov, .mkv, .webm',
  'For images with #### in their name: the frames that there must be, such as "1-100"; empty: those that are there':
    'Für Bilder mit #### im Namen: die Bilder, die da sein müssen, etwa „1-100“; leer: die, die da sind',
  'Images per second, 23.976 meaning 24000/1001; a video keeps its own':
    'Bilder je Sekunde, 23.976 steht für 24000/1001; ein Video behält die eigenen',
  'How to encode; "copy" moves the streams of a video into another container as they are':
    'Wie kodiert wird; „copy“ übernimmt die Spuren eines Videos unverändert in ein anderes Format',
  'Lower is better and larger; 18–23 is usual for h264 (not for prores and copy)':
    'Kleiner ist besser und größer; 18–23 ist bei h264 üblich (nicht für prores und copy)',
  'Width to scale to, keeping the shape; 0: as it is': 'Breite, auf die skaliert wird, mit gleichem Seitenverhältnis; 0: wie sie ist',
  'Sound to put under a sequence of images; empty: none': 'Ton, der unter eine Bildfolge gelegt wird; leer: keiner',
  'Further arguments for FFmpeg before the output, quoted as in a shell':
    'Weitere Argumente für FFmpeg vor der Ausgabe, Anführungszeichen wie in einer Shell',

  'Folder that the job gets its own folder in; a relative one is taken from the folder of the blend file':
    'Ordner, in dem der Auftrag einen eigenen bekommt; ein relativer gilt ab dem Ordner der Blender-Datei',
  'How many folders of the blend file to repeat in the output path': 'Wie viele Ordner der Blender-Datei sich im Ausgabepfad wiederholen',
  'Where the images end up; {timestamp} becomes the time of submission': 'Wo die Bilder landen; {timestamp} wird zur Zeit des Abschickens',
  'Path of the blend file': 'Pfad der Blender-Datei',

  'Name of the scene; empty: the one that the file was saved with': 'Name der Szene; leer: die, mit der die Datei gespeichert wurde',
  'tiles: each task renders a part of the picture. samples: each task renders all of it with a share of the samples (Cycles only)':
    'tiles: Jede Aufgabe rechnet einen Teil des Bildes. samples: Jede rechnet das ganze mit einem Anteil der Samples (nur Cycles)',
  'Tiles from left to right': 'Kacheln von links nach rechts',
  'Tiles from bottom to top': 'Kacheln von unten nach oben',
  'For samples: how many tasks share them': 'Bei samples: wie viele Aufgaben sie sich teilen',
  'For samples: how many there are in total; 0: as the scene says': 'Bei samples: wie viele es insgesamt sind; 0: wie die Szene sagt',
  'For samples: seed of the first part; each further one takes the next':
    'Bei samples: Seed des ersten Teils; jeder weitere nimmt den nächsten',
  'The image to write; its ending is added when missing. {timestamp} becomes the time of submission; a relative path is taken from the folder of the blend file':
    'Das zu schreibende Bild; eine fehlende Endung wird ergänzt. {timestamp} wird zur Zeit des Abschickens; ein relativer Pfad gilt ab dem Ordner der Blender-Datei',
  'File format of the image': 'Dateiformat des Bildes',
  'Keep the folder with the parts after merging': 'Den Ordner mit den Teilen nach dem Zusammenfügen behalten',
}
