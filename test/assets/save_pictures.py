"""
Renders one small picture and saves it in every format that Blender writes; also short movies. Run it with Blender:

    blender --background --factory-startup --python-exit-code 1 --python save_pictures.py -- FOLDER

Every picture is 64 × 48 pixels; every movie has 5 of them. Prints nothing of its own.
"""
import os
import sys

import bpy

FOLDER = sys.argv[sys.argv.index("--") + 1]
WIDTH, HEIGHT, FRAMES = 64, 48, 5


def build():
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.view_layers[0].use_pass_z = True
    scene.view_layers[0].use_pass_normal = True
    return scene


def save(scene, name, file_format, **settings):
    image_settings = scene.render.image_settings
    image_settings.file_format = file_format
    for key, value in settings.items():
        setattr(image_settings, key, value)
    bpy.data.images["Render Result"].save_render(os.path.join(FOLDER, name), scene=scene)


def stills(scene):
    bpy.ops.render.render()
    for mode, depth in [("RGB", "8"), ("RGBA", "8"), ("RGBA", "16"), ("BW", "8"), ("BW", "16")]:
        save(scene, f"{mode}{depth}.png", "PNG", color_mode=mode, color_depth=depth)
    save(scene, "plain.png", "PNG", color_mode="RGB", color_depth="8", compression=0)
    save(scene, "colour.jpg", "JPEG", color_mode="RGB")
    save(scene, "gray.jpg", "JPEG", color_mode="BW")
    for codec in ["NONE", "DEFLATE", "LZW", "PACKBITS"]:
        save(scene, f"{codec}.tif", "TIFF", color_mode="RGBA", color_depth="8", tiff_codec=codec)
    save(scene, "deep.tif", "TIFF", color_mode="RGBA", color_depth="16", tiff_codec="DEFLATE")
    for codec in ["NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB"]:
        save(scene, f"{codec}.exr", "OPEN_EXR", color_mode="RGBA", color_depth="16", exr_codec=codec)
    save(scene, "float.exr", "OPEN_EXR", color_mode="RGB", color_depth="32", exr_codec="ZIP", use_zbuffer=True)
    for codec in ["ZIP", "PIZ", "DWAA", "RLE"]:
        save(scene, f"layers {codec}.exr", "OPEN_EXR_MULTILAYER", color_mode="RGBA", color_depth="32", exr_codec=codec)
    save(scene, "light.hdr", "HDR", color_mode="RGB")
    save(scene, "runs.tga", "TARGA", color_mode="RGBA")
    save(scene, "raw.tga", "TARGA_RAW", color_mode="RGB")
    save(scene, "plain.bmp", "BMP", color_mode="RGB")
    save(scene, "ten.dpx", "DPX", color_mode="RGB", color_depth="10")
    save(scene, "sixteen.dpx", "DPX", color_mode="RGBA", color_depth="16")
    save(scene, "film.cin", "CINEON", color_mode="RGB")
    save(scene, "iris.sgi", "IRIS", color_mode="RGBA")
    save(scene, "wave.jp2", "JPEG2000", color_mode="RGB", color_depth="8")
    save(scene, "small.webp", "WEBP", color_mode="RGB")


def views(scene):
    scene.render.use_multiview = True
    for name, file_format in [("views", "OPEN_EXR"), ("views layers", "OPEN_EXR_MULTILAYER")]:
        scene.render.image_settings.file_format = file_format
        scene.render.image_settings.views_format = "MULTIVIEW"
        scene.render.image_settings.exr_codec = "ZIP"
        scene.render.filepath = os.path.join(FOLDER, f"{name}.exr")
        bpy.ops.render.render(write_still=True)
    scene.render.use_multiview = False


def movies(scene):
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.use_file_extension = False
    scene.render.ffmpeg.gopsize = 2
    for name, container, codec in [
        ("h264.mp4", "MPEG4", "H264"),
        ("h264.mkv", "MKV", "H264"),
        ("mpeg4.avi", "AVI", "MPEG4"),
        ("h264.mov", "QUICKTIME", "H264"),
        ("lossless.mkv", "MKV", "FFV1"),
    ]:
        scene.render.ffmpeg.format = container
        scene.render.ffmpeg.codec = codec
        scene.render.filepath = os.path.join(FOLDER, name)
        bpy.ops.render.render(animation=True)


def main():
    scene = build()
    stills(scene)
    views(scene)
    movies(scene)


main()
