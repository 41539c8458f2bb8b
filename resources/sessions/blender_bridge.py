"""Keeps one Blender open for the tasks of a job: runs inside `blender -b FILE --python`, driven over a pipe of its own.

Requests come as lines of JSON on one descriptor, answers leave on another; stdout and stderr stay Blender's log. Which
descriptors, and the text that marks the end of a task in the log, are in the environment variable FRAMEHOUSE_BRIDGE.

    -> {"task": 7, "cwd": "...", "env": {...}, "scene": null or "name", "steps": [...], "frames": [[1, 3], [7, 7]]}
    <- {"frame": 1, "path": "/out/0001.png", "existed": false}     before each frame
    <- {"done": 7, "error": null or "why", "rss": bytes}           afterwards; the log holds the marker on both streams
    <- {"alive": cpu seconds, "rss": bytes}                        every second, also while a frame renders
    <- {"ready": true, "files": [...]} or {"declined": "why"}      once, when the scene is open

A step is {"set": "render.filepath", "value": ...} on the scene (or on {"on": "scene name"}), or {"camera": "object name"},
or {"format": "PNG"}. Each is undone when the task is over. What cannot be done exactly as the command line does it is an
error, and the worker starts a fresh Blender instead. Works with Blender 2.83 and later.
"""
import ctypes
import json
import os
import sys
import threading
import time
import types

import bpy

ALIVE_EVERY_SECONDS = 1.0
PR_SET_PDEATHSIG = 1
SIGKILL = 9
# The handlers of these lists run only when a file is opened or saved, which a session does once, as a fresh process does.
HARMLESS_HANDLERS = {
    "load_pre", "load_post", "load_post_fail", "load_factory_startup_post", "load_factory_preferences_post", "save_pre", "save_post",
    "save_post_fail", "version_update", "undo_pre", "undo_post", "redo_pre", "redo_post", "annotation_pre", "annotation_post",
    "xr_session_start_pre", "blend_import_pre", "blend_import_post",
}  # fmt: skip
# These carry what they computed for one frame into the next one.
SIMULATIONS = {"CLOTH", "SOFT_BODY", "FLUID", "DYNAMIC_PAINT", "PARTICLE_SYSTEM", "SURFACE"}


class NotEquivalent(Exception):
    """The task cannot be run here exactly as a fresh process would run it."""


def read_lines(descriptor):
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        rest = b""
        while True:
            data = pipe.read(65536)
            if not data:
                return
            rest += data
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line


class Bridge:
    def __init__(self, requests, replies, marker):
        self.marker = marker
        self.replies = os.fdopen(replies, "wb", buffering=0)
        self.lock = threading.Lock()
        self.inbox = []
        self.arrived = threading.Condition()
        threading.Thread(target=self.listen, args=(requests,), daemon=True).start()
        threading.Thread(target=self.live, daemon=True).start()

    def say(self, **message):
        with self.lock:
            self.replies.write(json.dumps(message).encode() + b"\n")

    def listen(self, descriptor):
        """The end of the requests means that the worker is gone or wants no more: nothing may go on without it."""
        for line in read_lines(descriptor):
            with self.arrived:
                self.inbox.append(json.loads(line))
                self.arrived.notify()
        os._exit(0)

    def live(self):
        while True:
            time.sleep(ALIVE_EVERY_SECONDS)
            try:
                self.say(alive=time.process_time(), rss=resident())
            except OSError:
                os._exit(0)

    def next_request(self):
        with self.arrived:
            while not self.inbox:
                self.arrived.wait()
            return self.inbox.pop(0)

    def run(self, files):
        self.say(ready=True, files=files)
        home = os.getcwd()
        while True:
            request = self.next_request()
            error = None
            try:
                run_task(request, self.say)
            except NotEquivalent as problem:
                error = str(problem)
            except Exception as problem:
                error = "%s: %s" % (type(problem).__name__, str(problem).strip())
            os.chdir(home)
            flush()
            for stream in (sys.stdout, sys.stderr):
                stream.write("\n%s %d\n" % (self.marker, request["task"]))
                stream.flush()
            self.say(done=request["task"], error=error, rss=resident())


def run_task(request, say):
    scene = bpy.context.scene
    if request["scene"] is not None:
        scene = bpy.data.scenes.get(request["scene"])
        if scene is None:
            raise NotEquivalent("the file has no scene %r" % request["scene"])
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    undo = []
    window = bpy.context.window
    try:
        if scene != bpy.context.scene:
            if window is None:
                raise NotEquivalent("the file has no window in which another scene could be chosen")
            change(undo, window, "scene", scene)
        for step in request["steps"]:
            take_step(undo, scene, step)
        if scene.render.use_stamp and scene.render.use_stamp_frame_range:
            raise NotEquivalent("the frame range is burnt into the picture")
        if scene.render.is_movie_format:
            raise NotEquivalent("the output is one movie file")
        keep(undo, scene, "frame_start")
        keep(undo, scene, "frame_end")
        for first, last in request["frames"]:
            for frame in range(first, last + 1):
                render(scene, frame, say)
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def render(scene, frame, say):
    # The start moves the end when it is behind it, so it takes three.
    scene.frame_start = frame
    scene.frame_end = frame
    scene.frame_start = frame
    path = bpy.path.abspath(scene.render.frame_path(frame=frame))
    say(frame=frame, path=path, existed=os.path.exists(path))
    # As `--render-frame`: an animation of one frame, with the settings for existing files, placeholders and numbers.
    bpy.ops.render.render(animation=True, scene=scene.name)


def take_step(undo, scene, step):
    owner = bpy.data.scenes.get(step["on"]) if step.get("on") is not None else scene
    if owner is None:
        raise NotEquivalent("the file has no scene %r" % step["on"])
    if "camera" in step:
        camera = bpy.data.objects.get(step["camera"])
        if camera is None:
            raise NotEquivalent("the file has no object %r" % step["camera"])
        change(undo, owner, "camera", camera)
    elif "format" in step:
        set_format(undo, owner.render.image_settings, step["format"])
    else:
        *path, name = step["set"].split(".")
        for part in path:
            owner = getattr(owner, part)
        change(undo, owner, name, step["value"])


def set_format(undo, settings, wanted):
    """`--render-format` changes the format alone; from Python, what does not suit the format is changed with it."""
    names = ("color_mode", "color_depth")
    before = {name: getattr(settings, name) for name in names}
    if settings.file_format == wanted:
        return
    change(undo, settings, "file_format", wanted)
    for name in names:
        if getattr(settings, name) != before[name]:
            value = before[name]
            undo.append((settings, name, value))
            raise NotEquivalent("the scene is saved with %s %s, which %s does not have" % (name, value, wanted))


def keep(undo, owner, name):
    undo.append((owner, name, getattr(owner, name)))


def change(undo, owner, name, value):
    before = getattr(owner, name)
    if before == value and type(before) is type(value):
        return
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError, ValueError) as problem:
        raise NotEquivalent(str(problem))
    undo.append((owner, name, before))


def reason_to_decline():
    """Why frames rendered one after the other here could differ from those of fresh processes; None when they cannot."""
    for name in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, name)
        if name not in HARMLESS_HANDLERS and isinstance(handlers, list) and handlers:
            return "Python of %s runs while it renders (%s)" % (handlers[0].__module__, name)
    for name, value in bpy.app.driver_namespace.items():
        if isinstance(value, (types.FunctionType, type)) and not name.startswith("__"):
            return "drivers call Python of the file's or an add-on's own (%s)" % name
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type in SIMULATIONS:
                return "object %s is simulated (%s)" % (thing.name, modifier.type)
        if thing.pose is not None and thing.pose.ik_solver == "ITASC":
            return "armature %s has a solver that remembers earlier frames" % thing.name
    for scene in bpy.data.scenes:
        if scene.rigidbody_world is not None:
            return "scene %s has rigid bodies" % scene.name
        if scene.render.use_freestyle and any(layer.freestyle_settings.mode == "SCRIPT" for layer in scene.view_layers):
            return "scene %s draws its lines with Python" % scene.name
    for tree in bpy.data.node_groups:
        if any("Simulation" in node.bl_idname for node in tree.nodes):
            return "nodes %s are a simulation" % tree.name
    return driver_that_sees_the_range()


def driver_that_sees_the_range():
    for name in ("objects", "meshes", "materials", "node_groups", "lights", "cameras", "worlds", "scenes", "shape_keys", "armatures", "curves"):
        for block in getattr(bpy.data, name):
            data = block.animation_data
            for curve in data.drivers if data is not None else ():
                for variable in curve.driver.variables:
                    if any(target.data_path.startswith(("frame_start", "frame_end", "frame_step")) for target in variable.targets):
                        return "a driver of %s depends on the frame range" % block.name
    return None


def files_of_scene():
    """What the scene was read from or reads while it renders: when one of them changes, the scene must be opened anew."""
    files = {os.path.realpath(bpy.path.abspath(path)) for path in bpy.utils.blend_paths(absolute=True, packed=False)}
    files.update(os.path.realpath(bpy.path.abspath(library.filepath)) for library in bpy.data.libraries)
    return sorted(files)


def resident():
    try:
        with open("/proc/self/statm") as facts:
            return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def flush():
    """Blender's own lines wait in the C library's buffers."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        library = ctypes.CDLL("ucrtbase") if sys.platform == "win32" else ctypes.CDLL(None)
        library.fflush(None)
    except (OSError, AttributeError):
        pass


def die_with_worker(parent):
    """Linux: also where a hanging call keeps Python from seeing that the pipe was closed."""
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
        except (OSError, AttributeError):
            pass
        # A start script may stand between us and the worker; an orphan is adopted by the first process of all.
        if os.getppid() == 1 and parent != 1:
            os._exit(0)


def move_away(*descriptors):
    """Copies that no child inherits. The low numbers, which a script might write to, lead nowhere from now on."""
    moved = [os.dup(descriptor) for descriptor in descriptors]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)
    return moved


def main():
    requests, replies, parent, marker = os.environ.pop("FRAMEHOUSE_BRIDGE").split(" ")
    requests, replies = move_away(int(requests), int(replies))
    die_with_worker(int(parent))
    # Ends what a script of the file may have written there before.
    os.write(replies, b"\n")
    bridge = Bridge(requests, replies, marker)
    reason = reason_to_decline()
    if reason is not None:
        flush()
        bridge.say(declined=reason)
        os._exit(0)
    bridge.run(files_of_scene())


main()
