import { MISSING_FILES_SCRIPT } from './missingFilesScript.ts'

/**
 * What Blender runs for `inspect-blend`. It reads `question.json` beside itself and writes the answer; works with Blender 2.93
 * and newer. The names in `names` are those that Flamenco's add-on gives to `eval` expressions.
 */
export const INSPECT_SCRIPT = String.raw`
import json, os, sys, types
from pathlib import Path
import bpy

here = Path(__file__).resolve().parent
question = json.loads((here / "question.json").read_text(encoding="utf-8"))

# A file that Blender cannot read leaves the empty startup scene, and no path.
if not bpy.data.filepath:
    sys.exit("the file could not be opened")

# The files of a job without shared storage lie elsewhere than the scene says.
places = types.ModuleType("framehouse_places")
exec(compile((here / "blender_places.py").read_text(encoding="utf-8"), "blender_places.py", "exec"), places.__dict__)
places.find_again()


def abspath(path):
    return Path(os.path.normpath(bpy.path.abspath(str(path))))


def last_n_dir_parts(n, file_path=None):
    parts = Path(file_path or bpy.data.filepath).parent.parts
    return Path(*parts[-n:]) if n > 0 else Path()


def plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)


def evaluate(expressions):
    names = {"bpy": bpy, "C": bpy.context, "D": bpy.data, "Path": Path, "abspath": abspath,
             "last_n_dir_parts": last_n_dir_parts, "jobname": "", "os": os}
    values, failed = {}, {}
    for key, expression in expressions.items():
        try:
            values[key] = plain(eval(expression, dict(names)))
        except Exception as error:
            failed[key] = "%s: %s" % (type(error).__name__, error)
    return values, failed


def samples(scene):
    if scene.render.engine == "CYCLES" and hasattr(scene, "cycles"):
        return int(scene.cycles.samples)
    eevee = getattr(scene, "eevee", None)
    return int(eevee.taa_render_samples) if eevee is not None and scene.render.engine.startswith("BLENDER_EEVEE") else None


def describe(scene):
    render = scene.render
    image = render.image_settings
    return {
        "name": scene.name,
        "frameStart": scene.frame_start,
        "frameEnd": scene.frame_end,
        "frameStep": scene.frame_step,
        "fps": render.fps / render.fps_base,
        "engine": render.engine,
        "width": render.resolution_x * render.resolution_percentage // 100,
        "height": render.resolution_y * render.resolution_percentage // 100,
        "camera": scene.camera.name if scene.camera else None,
        "cameras": [thing.name for thing in scene.objects if thing.type == "CAMERA"],
        "format": image.file_format,
        "extension": render.file_extension,
        "hasPreviews": bool(getattr(image, "use_preview", False)),
        "samples": samples(scene),
    }


${MISSING_FILES_SCRIPT}

MAX_MISSING = 200
values, failed = evaluate(question["expressions"])
missing = missing_files()
Path(question["answer"]).write_text(json.dumps({
    "blenderVersion": bpy.app.version_string,
    "savedWith": ".".join(str(part) for part in bpy.data.version),
    "scene": bpy.context.scene.name,
    "scenes": [describe(scene) for scene in bpy.data.scenes],
    "missing": [path for path, kind in missing[:MAX_MISSING]],
    "missingLibraries": [path for path, kind in missing[:MAX_MISSING] if kind in {"library", "data"}],
    "missingCount": len(missing),
    "values": values,
    "failed": failed,
}), encoding="utf-8")
`
