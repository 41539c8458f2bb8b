/**
 * Python that lists what an open .blend needs and does not find: libraries (also of libraries) and what is linked from them, images
 * with their tiles and sequences, movies and movie clips, fonts, sounds, volumes, Alembic and USD caches, simulation and mesh caches,
 * strips of the sequence editor. Needs `bpy` and `os`; works with Blender 2.93 and newer. `missing_files()` answers (path, kind) pairs.
 */
export const MISSING_FILES_SCRIPT = String.raw`
import re

# Of a sequence with thousands of missing files the first few are enough.
MAX_OF_SEQUENCE = 5


def located(path, owner=None):
    return os.path.normpath(bpy.path.abspath(path, library=getattr(owner, "library", None)))


def numbered(path, number):
    # The last digits of the name are the frame, as Blender counts sequences.
    folder, name = os.path.split(path)
    found = list(re.finditer(r"\d+", name))
    if not found:
        return path
    last = found[-1]
    text = str(number).zfill(len(last.group()))
    return os.path.join(folder, name[:last.start()] + text + name[last.end():])


def node_trees():
    seen = set()
    holders = list(bpy.data.materials) + list(bpy.data.worlds) + list(bpy.data.lights) + list(bpy.data.scenes)
    holders += [style for style in getattr(bpy.data, "linestyles", [])]
    trees = [getattr(holder, "node_tree", None) or getattr(holder, "compositing_node_group", None) for holder in holders]
    for tree in trees + list(bpy.data.node_groups):
        if tree is not None and tree.name_full not in seen:
            seen.add(tree.name_full)
            yield tree


def sequence_frames():
    """Image -> frames of it that are in use."""
    frames = {}

    def note(image, user):
        if image is None or user is None or image.source != "SEQUENCE":
            return
        first = user.frame_offset + 1
        frames.setdefault(image, set()).update(range(first, first + min(user.frame_duration, 100000)))

    for tree in node_trees():
        for node in tree.nodes:
            image = getattr(node, "image", None)
            # Nodes of the compositor have the values themselves.
            note(image, getattr(node, "image_user", None) or (node if hasattr(node, "frame_duration") else None))
    for texture in bpy.data.textures:
        note(getattr(texture, "image", None), getattr(texture, "image_user", None))
    return frames


def image_paths(image, frames):
    path = located(image.filepath, image)
    if image.source == "TILED":
        for tile in image.tiles:
            u, v = (tile.number - 1001) % 10 + 1, (tile.number - 1001) // 10 + 1
            yield path.replace("<UDIM>", str(tile.number)).replace("<UVTILE>", "u%d_v%d" % (u, v))
    elif image.source == "SEQUENCE" and frames:
        absent = [each for each in (numbered(path, frame) for frame in sorted(frames)) if not os.path.exists(each)]
        for each in absent[:MAX_OF_SEQUENCE]:
            yield each
        if len(absent) > MAX_OF_SEQUENCE:
            yield "%s (and %d more of this sequence)" % (absent[MAX_OF_SEQUENCE], len(absent) - MAX_OF_SEQUENCE - 1)
    else:
        yield path


def needed_files():
    """(path, kind) of all files that the open file names, whether they are there or not."""
    for library in bpy.data.libraries:
        if not library.packed_file:
            yield located(library.filepath), "library"
    frames = sequence_frames()
    for image in bpy.data.images:
        if image.users and image.source in {"FILE", "MOVIE", "SEQUENCE", "TILED"} and not image.packed_file and not len(image.packed_files):
            if image.filepath:
                for path in image_paths(image, frames.get(image)):
                    yield path, "image"
    for clip in bpy.data.movieclips:
        if clip.users and clip.filepath:
            yield located(clip.filepath, clip), "movie"
    for font in bpy.data.fonts:
        if font.users and not font.packed_file and font.filepath and font.filepath != "<builtin>":
            yield located(font.filepath, font), "font"
    for sound in bpy.data.sounds:
        if sound.users and not sound.packed_file and sound.filepath:
            yield located(sound.filepath, sound), "sound"
    for volume in getattr(bpy.data, "volumes", []):
        if volume.users and not volume.packed_file and volume.filepath:
            path = located(volume.filepath, volume)
            first = numbered(path, volume.frame_start + volume.frame_offset) if volume.is_sequence else path
            # Of a sequence either the file that is named or its first one shows that the folder is there.
            yield path if os.path.exists(path) else first, "volume"
    for cache in bpy.data.cache_files:
        if cache.users and cache.filepath:
            yield located(cache.filepath, cache), "cache"
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type == "MESH_CACHE" and modifier.filepath:
                yield located(modifier.filepath, thing), "cache"
            if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN" and modifier.domain_settings.cache_directory:
                yield located(modifier.domain_settings.cache_directory, thing), "cache"
            cache = getattr(modifier, "point_cache", None)
            if cache is not None and cache.use_external and cache.filepath:
                yield located(cache.filepath, thing), "cache"
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        strips = getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", []) if editor else []
        for strip in strips:
            if strip.type == "IMAGE":
                for element in list(strip.elements)[:1] + list(strip.elements)[-1:]:
                    yield located(os.path.join(strip.directory, element.filename), scene), "image"
            elif strip.type == "MOVIE" and strip.filepath:
                yield located(strip.filepath, scene), "movie"


def missing_data():
    """What is linked from a library that is there, and is not in it."""
    for kind in dir(bpy.data):
        blocks = getattr(bpy.data, kind)
        if kind == "libraries" or not isinstance(blocks, bpy.types.bpy_prop_collection):
            continue
        for block in blocks:
            library = getattr(block, "library", None)
            if library is not None and getattr(block, "is_missing", False):
                path = located(library.filepath)
                if os.path.exists(path):
                    yield '"%s" in %s' % (block.name, path), "data"


def missing_files():
    found = {}
    for part in (needed_files, missing_data):
        # A thing of a newer Blender that is not what is expected here must not hide all others.
        try:
            for path, kind in part():
                if kind == "data" or not os.path.exists(path):
                    found[path] = kind
        except Exception as error:
            print("framehouse: not all files were looked for: %s: %s" % (type(error).__name__, error))
    return sorted(found.items())
`
