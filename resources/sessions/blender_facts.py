"""What the worker must know of a scene before it renders: which files a render will save and how large the picture is, what
the scene was read from, and what of that is missing. Loaded by blender_guard.py (a fresh Blender) and blender_bridge.py (one
that stays open). Works with Blender 2.83 and later.
"""
import os
import sys

import bpy

MIN_FRAME = -1048574
MAX_FRAME = 1048574
# What `--render-format` calls some formats, and what Python calls them.
FORMAT_NAMES = {
    "TGA": "TARGA", "RAWTGA": "TARGA_RAW", "JP2": "JPEG2000", "EXR": "OPEN_EXR", "MULTILAYER": "OPEN_EXR_MULTILAYER",
    "AVIRAW": "AVI_RAW", "AVIJPEG": "AVI_JPEG",
}  # fmt: skip
# What people and file endings call some formats.
LIKELY_MEANT = {"JPG": "JPEG", "TIF": "TIFF", "TARGA": "TGA", "JPEG2000": "JP2", "OPENEXR": "OPEN_EXR", "MP4": "FFMPEG", "MOV": "FFMPEG"}


class Refused(Exception):
    """The render must not begin; the text says why."""


def frames_of_ranges(text, scene):
    """The frames of the value of `--render-frame`, as Blender counts: `+2` from the start of the scene's range, `-2` from its end."""
    frames = []
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        first = frame_of_word(first, scene, text)
        last = frame_of_word(last, scene, text) if dots else first
        frames.extend(range(first, last + 1))
    return frames


def frame_of_word(word, scene, text):
    try:
        number = int(word.lstrip("+-")) if word[:1] in "+-" else int(word)
    except ValueError:
        raise Refused("--render-frame %r is no list of frames such as 1..10,20" % text)
    if word.startswith("+"):
        number = scene.frame_start + number
    elif word.startswith("-"):
        number = scene.frame_end - number + 1
    if not MIN_FRAME <= number <= MAX_FRAME:
        raise Refused("frame %d is beyond what Blender can render (%d to %d)" % (number, MIN_FRAME, MAX_FRAME))
    return number


def frames_of_animation(scene):
    return list(range(scene.frame_start, scene.frame_end + 1, max(1, scene.frame_step)))


def plan_of(scene, frames):
    """What rendering these frames will save, as the worker takes it."""
    render = scene.render
    width, height, tolerance = (0, 0, 0) if scripts_run_in_renders() else picture_size(render)
    return {
        "scene": scene.name,
        "filepath": render.filepath,
        "basename": os.path.basename(slashes(render.filepath)),
        "format": render.image_settings.file_format,
        "movie": bool(render.is_movie_format),
        "width": width,
        "height": height,
        "tolerance": tolerance,
        "frames": frames,
        "files": expected_files(scene, frames),
    }


def slashes(path):
    """Paths beside the .blend may have been written on Windows."""
    return path.replace("\\", "/") if os.sep == "\\" or path.startswith("//") else path


def expected_files(scene, frames):
    render = scene.render
    if render.is_movie_format:
        frames = frames[:1]
    views = saved_views(render)
    files = []
    for frame in frames:
        for view in views:
            path = render.frame_path(frame=frame, view=view) if view else render.frame_path(frame=frame)
            files.append({"frame": frame, "view": view, "path": absolute(path)})
    return files


def saved_views(render):
    """Names of the views that are saved in files of their own; one without a name when there is one file a frame."""
    if not render.use_multiview or render.image_settings.views_format != "INDIVIDUAL":
        return [""]
    names = [view.name for view in render.views if view.use]
    if render.views_format == "STEREO_3D":
        names = [name for name in names if name in ("left", "right")]
    return names or [""]


def absolute(path):
    path = bpy.path.abspath(path)
    if not os.path.isabs(path):
        raise Refused(
            "the output path %r is relative: give an absolute one, or one that begins with // for a place beside the blend file" % path
        )
    return os.path.normpath(path)


def scripts_run_in_renders():
    """Python that runs with each frame may change the resolution, too: then nobody knows the size before."""
    for name in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, name)
        if name.startswith(("render_", "frame_change_")) and isinstance(handlers, list) and handlers:
            return True
    return False


def picture_size(render):
    """Width and height in pixels, and by how much they may differ since Blender rounds the border that it cuts off."""
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    tolerance = 0
    if render.use_border and render.use_crop_to_border:
        width = int(render.border_max_x * width) - int(render.border_min_x * width)
        height = int(render.border_max_y * height) - int(render.border_min_y * height)
        tolerance = 1
    settings = render.image_settings
    if render.use_multiview and settings.views_format == "STEREO_3D":
        stereo = settings.stereo_3d_format
        if not stereo.use_squeezed_frame:
            if stereo.display_mode == "SIDEBYSIDE":
                width *= 2
            elif stereo.display_mode == "TOPBOTTOM":
                height *= 2
    return width, height, tolerance


def check_format(settings, wanted):
    """After `--render-format`: Blender goes on with the file's format when it does not know the name."""
    name = FORMAT_NAMES.get(wanted, wanted)
    if settings.file_format == name:
        return
    known = formats(settings)
    if name in known:
        # Python's name for it, which the command line does not take.
        settings.file_format = name
        return
    meant = LIKELY_MEANT.get(wanted.upper(), wanted.upper())
    hint = " (did you mean %s?)" % meant if FORMAT_NAMES.get(meant, meant) in known else ""
    raise Refused("this Blender has no output format %r%s; it has %s" % (wanted, hint, ", ".join(sorted(known))))


def formats(settings):
    return [item.identifier for item in settings.bl_rna.properties["file_format"].enum_items]


def scene_named(name):
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise Refused("the file has no scene %r; it has %s" % (name, ", ".join(repr(other.name) for other in bpy.data.scenes)))
    return scene


def check_scene(wanted):
    scene_named(wanted)
    if bpy.context.scene.name != wanted:
        raise Refused("Blender did not change to scene %r" % wanted)


def check_engine(render, wanted):
    if render.engine != wanted:
        raise Refused("this Blender has no render engine %r" % wanted)


def files_of_scene():
    """What the scene was read from or reads while it renders: when one of them changes, the scene must be opened anew."""
    files = {os.path.realpath(bpy.path.abspath(path)) for path in bpy.utils.blend_paths(absolute=True, packed=False)}
    files.update(os.path.realpath(bpy.path.abspath(library.filepath)) for library in bpy.data.libraries)
    return sorted(files)


def missing_files():
    """Pairs of kind and path: what the scene names and this machine does not have."""
    missing = set()
    for library in bpy.data.libraries:
        note_missing(missing, "library", library, library.filepath)
    for image in bpy.data.images:
        if image.source in {"FILE", "MOVIE"} and image.packed_file is None:
            note_missing(missing, "file", image, image.filepath)
    for font in bpy.data.fonts:
        if font.packed_file is None and font.filepath != "<builtin>":
            note_missing(missing, "file", font, font.filepath)
    for sound in bpy.data.sounds:
        if sound.packed_file is None:
            note_missing(missing, "file", sound, sound.filepath)
    for block in list(getattr(bpy.data, "volumes", [])) + list(bpy.data.cache_files):
        if getattr(block, "packed_file", None) is None:
            note_missing(missing, "file", block, block.filepath)
    return sorted(missing)[:200]


def note_missing(missing, kind, block, filepath):
    # What nothing uses is read by nobody.
    if not filepath or (kind == "file" and block.users == 0):
        return
    path = bpy.path.abspath(filepath, library=getattr(block, "library", None))
    if not os.path.exists(path):
        missing.add((kind, os.path.normpath(path)))


def find_sent_files(folder):
    """A scene of a job without shared storage finds its files where they are now (blender_places.py, in the same folder)."""
    import types

    path = os.path.join(folder, "blender_places.py")
    module = types.ModuleType("framehouse_places")
    with open(path, encoding="utf-8") as source:
        exec(compile(source.read(), path, "exec"), module.__dict__)
    module.find_again()


def loaded_facts(folder):
    """Sent once, when the scene is open. What cannot be found out is left out: it must not keep a scene from rendering."""
    try:
        find_sent_files(folder)
    except Exception as problem:
        sys.stderr.write("framehouse could not find the sent files of the scene: %s\n" % problem)
    facts = {"program": "Blender " + bpy.app.version_string}
    for name, look in (("files", files_of_scene), ("missing", missing_files)):
        try:
            facts[name] = look()
        except Exception as problem:
            sys.stderr.write("framehouse could not look for %s files of the scene: %s\n" % (name, problem))
    return facts


def render_still(scene, frame):
    """
    Renders a frame under its own number as `--render-frame` does, also one before zero, which the range of an animation cannot
    have. Passes over a file that is there where the scene says so.
    """
    render = scene.render
    before = render.filepath
    paths = [file["path"] for file in expected_files(scene, [frame])]
    if not render.use_overwrite:
        for path in paths:
            if os.path.exists(path):
                print('skipping existing frame "%s"' % path, flush=True)
                return
    scene.frame_set(frame)
    # Blender adds the number only to the files of an animation.
    render.filepath = absolute(render.frame_path(frame=frame))
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    finally:
        render.filepath = before


class Rendering:
    """The changes that a render under the worker's care needs, and what they were before."""

    def __init__(self, scene, answer):
        self.render = scene.render
        self.before = [(name, getattr(self.render, name)) for name in ("filepath", "use_overwrite", "use_placeholder")]
        if answer.get("filepath") is not None:
            self.render.filepath = answer["filepath"]
        # Frames that are kept have a file in the way, and Blender passes over them.
        self.render.use_overwrite = not answer.get("passOver")
        self.render.use_placeholder = False

    def restore(self):
        for name, value in self.before:
            setattr(self.render, name, value)
