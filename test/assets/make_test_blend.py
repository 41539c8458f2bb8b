"""
Makes small .blend files to test rendering with. Run it with Blender:

    blender --background --factory-startup --python make_test_blend.py -- OUTPUT.blend [OPTION=VALUE ...]

Options: engine=CYCLES|WORKBENCH (default CYCLES), samples=4, width=160, height=90, frames=24, slow=1.

The scene needs nothing from outside: a ring of cubes round a sphere, turning once over the frames, with a lamp that
travels. Cycles renders on the CPU without denoising (some builds of Blender lack the denoiser); a frame takes a fraction
of a second. `slow` multiplies the samples, for tests that need a frame to be still at work.
"""
import math
import sys

import bpy


def read_options():
    words = sys.argv[sys.argv.index("--") + 1:]
    options = {"engine": "CYCLES", "samples": "4", "width": "160", "height": "90", "frames": "24", "slow": "1"}
    for word in words[1:]:
        name, _, value = word.partition("=")
        if name not in options:
            sys.exit(f"unknown option: {name}")
        options[name] = value
    return words[0], options


def clear():
    bpy.ops.wm.read_factory_settings(use_empty=True)


def material(name, colour, roughness=0.4, metallic=0.0):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.diffuse_color = (*colour, 1)
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return made


def place(made, mat):
    made.data.materials.append(mat)
    return made


def build(frames):
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=30)
    place(bpy.context.object, material("floor", (0.35, 0.36, 0.4), 0.6))
    bpy.ops.mesh.primitive_uv_sphere_add(segments=32, ring_count=16, radius=1, location=(0, 0, 1))
    sphere = place(bpy.context.object, material("sphere", (0.8, 0.25, 0.1), 0.2))
    bpy.ops.object.shade_smooth()

    ring = bpy.data.objects.new("ring", None)
    scene.collection.objects.link(ring)
    for index in range(8):
        angle = index * math.tau / 8
        bpy.ops.mesh.primitive_cube_add(size=0.6, location=(2.2 * math.cos(angle), 2.2 * math.sin(angle), 0.45))
        cube = place(bpy.context.object, material(f"cube {index}", (0.1, 0.2 + index * 0.08, 0.7 - index * 0.07), 0.3, 0.5))
        cube.parent = ring
    animate(ring, "rotation_euler", 2, {1: 0, frames + 1: math.tau})

    light = bpy.data.lights.new("key", "AREA")
    light.energy = 600
    light.size = 3
    lamp = bpy.data.objects.new("key", light)
    scene.collection.objects.link(lamp)
    lamp.location = (3, -3, 5)
    track(lamp, sphere)
    animate(lamp, "location", 0, {1: -3, frames // 2: 3, frames + 1: -3})

    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location = (0, -8, 4)
    track(camera, sphere)
    scene.camera = camera
    scene.frame_start = 1
    scene.frame_end = frames

    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.05, 0.07, 0.1, 1)
    scene.world = world


def track(what, target):
    constraint = what.constraints.new("TRACK_TO")
    constraint.target = target
    constraint.track_axis = "TRACK_NEGATIVE_Z"
    constraint.up_axis = "UP_Y"


def animate(what, path, index, values):
    for frame, value in values.items():
        getattr(what, path)[index] = value
        what.keyframe_insert(path, index=index, frame=frame)
    for curve in what.animation_data.action.fcurves:
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def configure(options):
    scene = bpy.context.scene
    render = scene.render
    render.resolution_x = int(options["width"])
    render.resolution_y = int(options["height"])
    render.resolution_percentage = 100
    render.fps = 24
    render.image_settings.file_format = "PNG"
    if options["engine"] == "WORKBENCH":
        render.engine = "BLENDER_WORKBENCH"
        return
    render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = int(options["samples"]) * int(options["slow"])
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 2


def main():
    target, options = read_options()
    clear()
    build(int(options["frames"]))
    configure(options)
    bpy.ops.wm.save_as_mainfile(filepath=target, compress=False)


main()
