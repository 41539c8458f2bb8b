/**
 * What Blender runs for `inspect-blend`. It reads `question.json` beside itself and writes the answer; works with Blender 2.93
 * and newer. The names in `names` are those that Flamenco's add-on gives to `eval` expressions.
 */
export const INSPECT_SCRIPT = String.raw`
import json, os, sys
from pathlib import Path
import bpy

here = Path(__file__).resolve().parent
question = json.loads((here / "question.json").read_text(encoding="utf-8"))

# A file that Blender cannot read leaves the empty startup scene, and no path.
if not bpy.data.filepath:
    sys.exit("the file could not be opened")


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


def missing_files():
    missing = set()
    holders = list(bpy.data.libraries)
    holders += [image for image in bpy.data.images if image.source in {"FILE", "MOVIE"} and not image.packed_file]
    holders += [font for font in bpy.data.fonts if not font.packed_file and font.filepath != "<builtin>"]
    holders += [sound for sound in bpy.data.sounds if not sound.packed_file]
    holders += list(getattr(bpy.data, "volumes", [])) + list(bpy.data.cache_files)
    for holder in holders:
        if not holder.filepath:
            continue
        path = bpy.path.abspath(holder.filepath, library=getattr(holder, "library", None))
        if not os.path.exists(path):
            missing.add(os.path.normpath(path))
    return sorted(missing)[:200]


values, failed = evaluate(question["expressions"])
Path(question["answer"]).write_text(json.dumps({
    "blenderVersion": bpy.app.version_string,
    "savedWith": ".".join(str(part) for part in bpy.data.version),
    "scene": bpy.context.scene.name,
    "scenes": [describe(scene) for scene in bpy.data.scenes],
    "missing": missing_files(),
    "values": values,
    "failed": failed,
}), encoding="utf-8")
`
