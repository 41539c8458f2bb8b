"""Keeps one Blender open for the tasks of a job: runs inside `blender -b FILE --python`, driven over a pipe of its own.

Requests come as lines of JSON on one descriptor, answers leave on another; stdout and stderr stay Blender's log. Which
descriptors, and the text that marks the end of a task in the log, are in the environment variable FRAMEHOUSE_BRIDGE.

    -> {"task": 7, "cwd": "...", "env": {...}, "scene": null or "name", "steps": [...], "frames": [[1, 3], [7, 7]]}
    <- {"plan": {...}}                                             what the frames will be saved as (blender_facts.py)
    -> {"answer": {"filepath": "...", "passOver": false}}          where to, or {"answer": {"stop": "why"}}
    <- {"frame": 1}                                                before each frame
    <- {"done": 7, "error": null or "why", "declined": null or "why", "rss": bytes}
                                                                   afterwards; the log holds the marker on both streams
    <- {"alive": cpu seconds, "rss": bytes}                        every second, also while a frame renders
    <- {"ready": true, "facts": {...}} or {"declined": "why"}      once, when the scene is open; ready with the marker, without a number

A step is {"set": "render.filepath", "value": ...} on the scene (or on {"on": "scene name"}), or {"camera": "object name"},
or {"format": "PNG"}. Each is undone when the task is over. What cannot be done exactly as the command line does it is
declined, and the worker starts a fresh Blender instead. Works with Blender 2.83 and later.
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


def load_facts():
    """blender_facts.py, which the worker has put beside this script."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "blender_facts.py")
    module = types.ModuleType("framehouse_facts")
    with open(path, encoding="utf-8") as source:
        exec(compile(source.read(), path, "exec"), module.__dict__)
    return module


facts = load_facts()


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

    def ask(self, plan):
        """What the worker makes of a plan."""
        self.say(plan=plan)
        return self.next_request()["answer"]

    def mark(self, text):
        """What follows in the log is another one's."""
        flush()
        for stream in (sys.stdout, sys.stderr):
            stream.write("\n%s\n" % text)
            stream.flush()

    def run(self):
        loaded = facts.loaded_facts(os.path.dirname(os.path.abspath(__file__)))
        self.mark(self.marker)
        self.say(ready=True, facts=loaded)
        home = os.getcwd()
        while True:
            request = self.next_request()
            error = declined = None
            try:
                run_task(request, self)
            except (NotEquivalent, facts.Refused) as problem:
                declined = str(problem)
            except Exception as problem:
                error = "%s: %s" % (type(problem).__name__, str(problem).strip())
            os.chdir(home)
            self.mark("%s %d" % (self.marker, request["task"]))
            self.say(done=request["task"], error=error, declined=declined, rss=resident())


def run_task(request, bridge):
    scene = bpy.context.scene
    if request["scene"] is not None:
        scene = facts.scene_named(request["scene"])
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
        frames = [frame for first, last in request["frames"] for frame in range(first, last + 1)]
        answer = bridge.ask(facts.plan_of(scene, frames))
        if answer.get("stop"):
            raise NotEquivalent(answer["stop"])
        rendering = facts.Rendering(scene, answer)
        undo.append(rendering.restore)
        keep(undo, scene, "frame_current")
        keep(undo, scene, "frame_start")
        keep(undo, scene, "frame_end")
        for frame in frames:
            bridge.say(frame=frame)
            render(scene, frame)
    finally:
        for restore in reversed(undo):
            restore()


def render(scene, frame):
    if frame < 0:
        # The range of an animation begins at 0.
        return facts.render_still(scene, frame)
    # The start moves the end when it is behind it, so it takes three.
    scene.frame_start = frame
    scene.frame_end = frame
    scene.frame_start = frame
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
    """
    `--render-format` changes the format alone, and Blender writes the depth that comes closest. From Python, depth and colours
    that do not suit the format would be changed with it, and other pixels be saved: so the format is set where Blender has it.
    """
    name = facts.FORMAT_NAMES.get(wanted, wanted)
    if settings.file_format == name:
        return
    if wanted in facts.FORMAT_NAMES.values() and not wanted.startswith("OPEN_EXR"):
        raise NotEquivalent("the command line has another name for the format %r" % wanted)
    value = number_of(settings, "file_format", name)
    if value is None:
        raise NotEquivalent("this Blender has no output format %r" % wanted)
    memory = (ctypes.c_char * 3).from_address(settings.as_pointer())
    now = [number_of(settings, key, getattr(settings, key)) for key in ("file_format", "color_depth", "color_mode")]
    if [byte[0] for byte in memory] != now:
        raise NotEquivalent("where this Blender keeps the output format is not known")
    before = memory[0]

    def restore():
        memory[0] = before

    undo.append(restore)
    memory[0] = bytes([value])
    if settings.file_format != name:
        raise NotEquivalent("the output format could not be set")


def number_of(settings, key, name):
    """Blender's own number for a choice."""
    item = settings.bl_rna.properties[key].enum_items.get(name)
    return None if item is None else item.value


def keep(undo, owner, name):
    value = getattr(owner, name)
    undo.append(lambda: None if getattr(owner, name) == value else setattr(owner, name, value))


def change(undo, owner, name, value):
    before = getattr(owner, name)
    if before == value and type(before) is type(value):
        return
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError, ValueError) as problem:
        raise NotEquivalent(str(problem))
    undo.append(lambda: setattr(owner, name, before))


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
    bridge.run()


main()
