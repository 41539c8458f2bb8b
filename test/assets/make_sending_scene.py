"""
Makes a project for tests of jobs without shared storage. Run it with Blender:

    blender --background --factory-startup --python make_sending_scene.py -- PROJECT OUTSIDE

PROJECT/scene.blend uses tex/inside.png (relative), a sequence seq/img_0001.png … (one colour a frame), and links an object from
OUTSIDE/libs/thing.blend (absolute), which uses OUTSIDE/tex/outside.png. Files get no metadata that differs between two renders.
"""
import os
import sys

import bpy

project, outside = sys.argv[sys.argv.index("--") + 1:]
FRAMES = 4


def picture(path, colour):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    image = bpy.data.images.new("made", 16, 16)
    image.pixels = [channel for _ in range(16 * 16) for channel in (*colour, 1.0)]
    image.filepath_raw = path
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)


def glowing(name, image):
    """A material that shows an image as it is."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    emission = nodes.new("ShaderNodeEmission")
    output = nodes.new("ShaderNodeOutputMaterial")
    links.new(texture.outputs["Color"], emission.inputs["Color"])
    links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material, texture


def plane(name, x, image):
    bpy.ops.mesh.primitive_plane_add(size=1.8, location=(x, 0, 0))
    thing = bpy.context.object
    thing.name = name
    material, texture = glowing(name, image)
    thing.data.materials.append(material)
    return texture


def library():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    plane("thing", 2, bpy.data.images.load(os.path.join(outside, "tex", "outside.png")))
    path = os.path.join(outside, "libs", "thing.blend")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=path, relative_remap=False)
    return path


def scene(lib):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    path = os.path.join(project, "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    plane("still", -2, bpy.data.images.load(os.path.join(project, "tex", "inside.png"))).image.filepath = "//tex/inside.png"
    moving = bpy.data.images.load(os.path.join(project, "seq", "img_0001.png"))
    moving.source = "SEQUENCE"
    moving.filepath = "//seq/img_0001.png"
    texture = plane("moving", 0, moving)
    texture.image_user.frame_duration = FRAMES
    texture.image_user.frame_start = 1
    texture.image_user.use_auto_refresh = True
    with bpy.data.libraries.load(lib, link=True, relative=False) as (_, into):
        into.objects = ["thing"]
    scene.collection.objects.link(bpy.data.objects["thing"])
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location = (0, 0, 10)
    camera.data.type = "ORTHO"
    camera.data.ortho_scale = 6
    scene.collection.objects.link(camera)
    scene.camera = camera
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.device = "CPU"
    scene.cycles.use_denoising = False
    scene.view_settings.view_transform = "Standard"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 60, 20, 100
    render.image_settings.file_format = "PNG"
    for name in dir(render):
        if name.startswith("use_stamp"):
            setattr(render, name, False)
    scene.frame_start, scene.frame_end = 1, FRAMES
    bpy.ops.wm.save_as_mainfile(filepath=path, relative_remap=False)


bpy.ops.wm.read_factory_settings(use_empty=True)
picture(os.path.join(project, "tex", "inside.png"), (1, 0, 0))
picture(os.path.join(outside, "tex", "outside.png"), (0, 1, 0))
for frame in range(1, FRAMES + 1):
    picture(os.path.join(project, "seq", "img_%04d.png" % frame), (0, 0, frame / FRAMES))
scene(library())
