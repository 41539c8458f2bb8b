"""Stands in the command line of a fresh Blender, between the user's arguments: run by expressions that the worker adds.

Each run is one step: after the file was opened, after an argument that names something, and before and after a render. What
is found out goes into files of the attempt's folder, beside this script; before a render it waits there for the worker's
answer. A render that must not begin ends Blender with a reason.
"""
import json
import os
import sys
import time

import bpy

folder = os.path.dirname(os.path.abspath(GUARD))  # noqa: F821 - GUARD, STEP and VALUE are given by the expression


def load_facts():
    import types

    module = sys.modules.get("framehouse_facts")
    if module is None:
        path = os.path.join(folder, "blender_facts.py")
        module = types.ModuleType("framehouse_facts")
        with open(path, encoding="utf-8") as source:
            exec(compile(source.read(), path, "exec"), module.__dict__)
        sys.modules["framehouse_facts"] = module
    return module


def tell(name, message):
    """The worker sees a file when it is whole."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as target:
        json.dump(message, target)
    os.rename(path + ".new", path)


def wait_for(name):
    path = os.path.join(folder, name)
    parent = os.getppid()
    while not os.path.exists(path):
        # Nobody is left who could answer.
        if os.getppid() != parent or not os.path.isdir(folder):
            os._exit(1)
        time.sleep(0.005)
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def before_render(facts, value):
    scene = bpy.context.scene
    if "ranges" in value:
        frames = facts.frames_of_ranges(value["ranges"], scene)
    elif "frames" in value:
        frames = value["frames"]
    else:
        frames = facts.frames_of_animation(scene)
    if not frames:
        raise facts.Refused("there is no frame to render")
    tell("plan-%d.json" % value["number"], facts.plan_of(scene, frames))
    answer = wait_for("answer-%d.json" % value["number"])
    if answer.get("stop"):
        raise facts.Refused(answer["stop"])
    facts.rendering = facts.Rendering(scene, answer)


def step(facts, name, value):
    scene = bpy.context.scene
    if name == "loaded":
        tell("loaded.json", facts.loaded_facts(folder))
    elif name == "scene":
        facts.check_scene(value)
    elif name == "format":
        facts.check_format(scene.render.image_settings, value)
    elif name == "engine":
        facts.check_engine(scene.render, value)
    elif name == "render":
        before_render(facts, value)
    elif name == "rendered":
        facts.rendering.restore()


def main():
    facts = load_facts()
    try:
        step(facts, STEP, VALUE)  # noqa: F821
    except facts.Refused as reason:
        sys.exit("framehouse: %s" % reason)


main()
