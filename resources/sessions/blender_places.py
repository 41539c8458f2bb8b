"""Files that a scene needs, for jobs without shared storage: where each goes below the job's folder, and how a scene that was
opened there finds them again. Used by the list of files (on the machine that has the project) and by every Blender that opens a
scene of such a job. Works with Blender 2.83 and later.

A file of the project keeps its place in it; one elsewhere goes below `_outside` with its whole path, so that the place can be
computed from the path alone: /srv/lib/a.blend -> _outside/srv/lib/a.blend, D:\\tex\\a.png -> _outside/D/tex/a.png,
\\\\server\\share\\a.png -> _outside/server/share/a.png. The project's own folder is written down in `_outside/project.json`.
"""
import json
import os
import re

import bpy

OUTSIDE = "_outside"
PROJECT = "project.json"


def slashed(path):
    return path.replace("\\", "/")


def is_absolute(path):
    return bool(re.match(r"^(/|\\\\|[A-Za-z]:[\\/])", path))


def normal(path):
    """Slashes, without `.` and `..`; understands paths of every system."""
    path = slashed(path)
    lead = re.match(r"^(//[^/]|[A-Za-z]:/|/)?", path).group(0)
    root = "//" if lead.startswith("//") else lead
    kept = []
    for part in path[len(root):].split("/"):
        if part == ".." and kept:
            kept.pop()
        elif part not in ("", ".", ".."):
            kept.append(part)
    return root + "/".join(kept)


def place_of(path, project):
    """Where a file goes, relative to the job's folder. Both absolute."""
    path, project = normal(path), normal(project).rstrip("/")
    same = path.lower().startswith(project.lower() + "/") if re.match(r"^[A-Za-z]:|^//", project) else path.startswith(project + "/")
    if same:
        return path[len(project) + 1:]
    return OUTSIDE + "/" + re.sub(r"^([A-Za-z]):", r"\1", path).lstrip("/")


class Moved:
    """The folder of a job, and the project that its files came from."""

    def __init__(self, root, project):
        self.root = slashed(root).rstrip("/")
        self.project = normal(project).rstrip("/")

    def here(self, path):
        """The place of a file of the project's machine."""
        return self.root + "/" + place_of(path, self.project)

    def there(self, path):
        """What a file of the job's folder was called on the project's machine."""
        inside = os.path.relpath(path, self.root).replace("\\", "/")
        if inside == OUTSIDE or inside.startswith(OUTSIDE + "/"):
            rest = inside[len(OUTSIDE) + 1:]
            if re.match(r"^[A-Za-z]:", self.project) and re.match(r"^[A-Za-z]/", rest):
                return rest[0] + ":/" + rest[2:]
            return "/" + rest
        return self.project + "/" + inside

    def path_for(self, raw, blend):
        """What a path of a scene must become; None: it is right as it is. `blend`: the file here that holds it."""
        if not raw:
            return None
        if raw.startswith("//"):
            original = normal(os.path.dirname(self.there(blend)) + "/" + slashed(raw[2:]))
        elif is_absolute(raw):
            original = normal(raw)
        else:
            return None
        wanted = self.here(original)
        now = os.path.join(os.path.dirname(blend), slashed(raw[2:])) if raw.startswith("//") else raw
        return None if normal(slashed(now)) == normal(wanted) else wanted


def moved_files():
    """Set when the open scene is in the folder of a job whose files were sent."""
    folder = os.path.dirname(bpy.data.filepath)
    for _ in range(64):
        about = os.path.join(folder, OUTSIDE, PROJECT)
        if folder and os.path.isfile(about):
            with open(about, encoding="utf-8") as source:
                return Moved(folder, json.load(source)["project"])
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return None


def blend_of(block):
    """The file that a block was read from."""
    library = getattr(block, "library", None)
    return bpy.path.abspath(library.filepath) if library else bpy.data.filepath


def find_again():
    """Points what the open scene names to where it lies now. Nothing is saved."""
    moved = moved_files()
    if moved is None:
        return
    load_libraries(moved)
    for block, name in named_files():
        try:
            found = moved.path_for(getattr(block, name), blend_of(block))
            if found is not None:
                setattr(block, name, found)
        except Exception as problem:
            print("framehouse could not set a path of %r: %s" % (block, problem))


def load_libraries(moved):
    """A library that was found only now brings others with it."""
    seen = set()
    for _ in range(64):
        waiting = [library for library in bpy.data.libraries if library.name_full not in seen and not library.packed_file]
        if not waiting:
            return
        for library in waiting:
            seen.add(library.name_full)
            parent = getattr(library, "parent", None)
            blend = bpy.path.abspath(parent.filepath) if parent else bpy.data.filepath
            found = moved.path_for(library.filepath, blend)
            if found is None:
                continue
            library.filepath = found
            try:
                library.reload()
            except Exception as problem:
                print("framehouse could not load %s: %s" % (found, problem))


def named_files():
    """(thing, name of its property) of everything that names a file to read, but for libraries."""
    for kind in ("images", "movieclips", "fonts", "sounds", "volumes", "cache_files", "texts"):
        for block in getattr(bpy.data, kind, []):
            if getattr(block, "packed_file", None) is None and getattr(block, "filepath", "") not in ("", "<builtin>"):
                yield block, "filepath"
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type == "MESH_CACHE":
                yield modifier, "filepath"
            elif modifier.type == "OCEAN" and modifier.filepath:
                yield modifier, "filepath"
            elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                yield modifier.domain_settings, "cache_directory"
            cache = getattr(modifier, "point_cache", None)
            if cache is not None and cache.use_external:
                yield cache, "filepath"
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None:
            continue
        for strip in getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", []):
            if strip.type == "IMAGE":
                yield strip, "directory"
            elif strip.type == "MOVIE":
                yield strip, "filepath"
