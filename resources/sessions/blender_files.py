"""Lists every file that a scene needs to be rendered elsewhere: run by `framehouse submit --send` in a background Blender.

    blender -b scene.blend --python blender_files.py -- answer.json PROJECT

The answer: {"blend": place, "files": [{"path": ..., "place": ..., "frames": [..] or null, "kind": ...}], "missing": [path],
"warnings": [text]}. Files that only some frames need carry their frames. Nothing is saved.
"""
import json
import os
import re
import sys
import types

import bpy

# A sequence that is longer is sent as a whole.
MAX_FRAMES = 20000

arguments = sys.argv[sys.argv.index("--") + 1:]
answer_path, project = arguments[0], arguments[1]


def load_places():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "blender_places.py")
    module = types.ModuleType("framehouse_places")
    with open(path, encoding="utf-8") as source:
        exec(compile(source.read(), path, "exec"), module.__dict__)
    return module


places = load_places()


class Listing:
    def __init__(self):
        self.files = {}
        self.missing = set()
        self.warnings = []

    def add(self, path, kind, frames=None):
        path = os.path.normpath(path)
        if not os.path.isfile(path):
            self.missing.add(path)
            return
        known = self.files.get(path)
        if known is None:
            self.files[path] = {"path": path, "place": places.place_of(path, project), "frames": frames, "kind": kind}
        elif known["frames"] is None or frames is None:
            known["frames"] = None
        else:
            known["frames"] = sorted(set(known["frames"]) | set(frames))

    def folder(self, path, kind):
        found = False
        for above, _, names in os.walk(path):
            for name in names:
                found = True
                self.add(os.path.join(above, name), kind)
        if not found:
            self.missing.add(os.path.normpath(path))


listing = Listing()


def located(path, owner=None):
    return os.path.normpath(bpy.path.abspath(path, library=getattr(owner, "library", None)))


def numbered(path, number):
    """The last digits of the name are the frame, as Blender counts sequences."""
    folder, name = os.path.split(path)
    found = list(re.finditer(r"\d+", name))
    if not found:
        return path
    last = found[-1]
    return os.path.join(folder, name[:last.start()] + str(number).zfill(len(last.group())) + name[last.end():])


def whole_sequence(path, kind):
    """Every file of the folder that differs in the number only."""
    folder, name = os.path.split(path)
    found = list(re.finditer(r"\d+", name))
    if not found or not os.path.isdir(folder):
        listing.add(path, kind)
        return
    last = found[-1]
    pattern = re.compile(re.escape(name[:last.start()]) + r"\d+" + re.escape(name[last.end():]) + "$")
    names = [each for each in os.listdir(folder) if pattern.match(each)]
    for each in names:
        listing.add(os.path.join(folder, each), kind)
    if not names:
        listing.missing.add(path)


def sequence(path, kind, user):
    """
    `user`: frame_start, frame_duration, frame_offset, use_cyclic. The file of frame f is f - start + 1 + offset, held at both ends.
    """
    start, duration, offset = user.frame_start, user.frame_duration, user.frame_offset
    scenes = [scene for scene in bpy.data.scenes]
    first = min(scene.frame_start for scene in scenes)
    last = max(scene.frame_end for scene in scenes)
    if getattr(user, "use_cyclic", False) or last - first > MAX_FRAMES or duration <= 0:
        whole_sequence(path, kind)
        return
    needed = {}
    for frame in range(first, last + 1):
        number = min(max(frame - start + 1, 1), duration) + offset
        needed.setdefault(number, []).append(frame)
    absent = 0
    for number, frames in sorted(needed.items()):
        file = numbered(path, number)
        if os.path.isfile(file):
            # Motion blur and time offsets look at the frames beside.
            beside = sorted({near for frame in frames for near in (frame - 1, frame, frame + 1)})
            listing.add(file, kind, beside)
        else:
            absent += 1
            if absent <= 5:
                listing.missing.add(file)


def node_trees():
    seen = set()
    holders = list(bpy.data.materials) + list(bpy.data.worlds) + list(bpy.data.lights) + list(bpy.data.scenes)
    holders += list(getattr(bpy.data, "linestyles", []))
    trees = [getattr(holder, "node_tree", None) or getattr(holder, "compositing_node_group", None) for holder in holders]
    for tree in trees + list(bpy.data.node_groups):
        if tree is not None and tree.name_full not in seen:
            seen.add(tree.name_full)
            yield tree


def image_users():
    """Image -> the users that say which of its frames are shown."""
    users = {}
    for tree in node_trees():
        for node in tree.nodes:
            image = getattr(node, "image", None)
            if image is None:
                continue
            user = getattr(node, "image_user", None) or (node if hasattr(node, "frame_duration") else None)
            if user is not None:
                users.setdefault(image, []).append(user)
    for texture in bpy.data.textures:
        image, user = getattr(texture, "image", None), getattr(texture, "image_user", None)
        if image is not None and user is not None:
            users.setdefault(image, []).append(user)
    return users


def images():
    users = image_users()
    for image in bpy.data.images:
        packed = image.packed_file or len(getattr(image, "packed_files", []))
        if not image.users or packed or not image.filepath or image.source not in {"FILE", "MOVIE", "SEQUENCE", "TILED"}:
            continue
        path = located(image.filepath, image)
        if image.source == "TILED":
            for tile in image.tiles:
                u, v = (tile.number - 1001) % 10 + 1, (tile.number - 1001) // 10 + 1
                listing.add(path.replace("<UDIM>", str(tile.number)).replace("<UVTILE>", "u%d_v%d" % (u, v)), "image")
        elif image.source == "SEQUENCE":
            shown = users.get(image)
            if not shown:
                whole_sequence(path, "image")
            for user in shown or []:
                sequence(path, "image", user)
        else:
            listing.add(path, "image")


def libraries():
    for library in bpy.data.libraries:
        if not library.packed_file:
            parent = getattr(library, "parent", None)
            base = os.path.dirname(bpy.path.abspath(parent.filepath)) if parent and library.filepath.startswith("//") else None
            path = os.path.normpath(os.path.join(base, library.filepath[2:])) if base else bpy.path.abspath(library.filepath)
            listing.add(path if os.path.isfile(path) else bpy.path.abspath(library.filepath), "library")


def plain_files():
    for clip in bpy.data.movieclips:
        if clip.users and clip.filepath:
            path = located(clip.filepath, clip)
            (whole_sequence if clip.source == "SEQUENCE" else listing.add)(path, "movie")
    for font in bpy.data.fonts:
        if font.users and not font.packed_file and font.filepath not in ("", "<builtin>"):
            listing.add(located(font.filepath, font), "font")
    for sound in bpy.data.sounds:
        if sound.users and not sound.packed_file and sound.filepath:
            listing.add(located(sound.filepath, sound), "sound")
    for volume in getattr(bpy.data, "volumes", []):
        if volume.users and not volume.packed_file and volume.filepath:
            (whole_sequence if volume.is_sequence else listing.add)(located(volume.filepath, volume), "volume")
    for cache in bpy.data.cache_files:
        if cache.users and cache.filepath:
            (whole_sequence if getattr(cache, "is_sequence", False) else listing.add)(located(cache.filepath, cache), "cache")


def simulations():
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type == "MESH_CACHE" and modifier.filepath:
                listing.add(located(modifier.filepath, thing), "cache")
            elif modifier.type == "OCEAN" and modifier.is_cached and modifier.filepath:
                listing.folder(located(modifier.filepath, thing), "cache")
            elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                domain = modifier.domain_settings
                folder = located(domain.cache_directory, thing)
                if os.path.isdir(folder):
                    listing.folder(folder, "cache")
                if not (getattr(domain, "has_cache_baked_data", False) or os.path.isdir(folder)):
                    unbaked(thing, "fluid")
            cache = getattr(modifier, "point_cache", None)
            if cache is None and modifier.type == "PARTICLE_SYSTEM":
                cache = modifier.particle_system.point_cache
            if cache is not None:
                point_cache(thing, modifier, cache)


def point_cache(thing, modifier, cache):
    if cache.use_external:
        if cache.filepath:
            listing.folder(located(cache.filepath, thing), "cache")
    elif cache.use_disk_cache:
        # Blender names the folder after the file.
        stem = os.path.splitext(os.path.basename(bpy.data.filepath))[0]
        listing.folder(os.path.join(os.path.dirname(bpy.data.filepath), "blendcache_" + stem), "cache")
    elif not cache.is_baked and modifier.type in {"CLOTH", "SOFT_BODY"}:
        unbaked(thing, modifier.type.lower().replace("_", " "))


def unbaked(thing, kind):
    listing.warnings.append(
        'the %s simulation of "%s" is not baked: workers that render different frames get different results; bake it first, or let '
        "one worker render all frames" % (kind, thing.name)
    )


def strips():
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None:
            continue
        for strip in getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", []):
            if strip.type == "IMAGE":
                for element in strip.elements:
                    listing.add(located(os.path.join(strip.directory, element.filename), scene), "image")
            elif strip.type == "MOVIE" and strip.filepath:
                listing.add(located(strip.filepath, scene), "movie")


def main():
    # A file that Blender cannot read leaves the empty startup scene, and no path.
    if not bpy.data.filepath:
        sys.exit("the file could not be opened")
    listing.add(bpy.data.filepath, "blend")
    for part in (libraries, images, plain_files, simulations, strips):
        # A thing of a newer Blender that is not what is expected here must not hide all others.
        try:
            part()
        except Exception as problem:
            listing.warnings.append("not all files were looked for: %s: %s" % (type(problem).__name__, problem))
    with open(answer_path, "w", encoding="utf-8") as target:
        json.dump(
            {
                "blend": places.place_of(bpy.data.filepath, project),
                "files": list(listing.files.values()),
                "missing": sorted(listing.missing),
                "warnings": listing.warnings,
            },
            target,
        )


main()
