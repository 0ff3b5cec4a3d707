#!/bin/sh
# Copyright The Panoply Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Makes the files beside it, all of one drawing of our own, with the encoders
# that people use: ImageMagick 6, libjpeg-turbo, libwebp, libavif, libheif, libtiff, apngasm, gifsicle,
# Ghostscript, qpdf, Chromium, Info-ZIP and Python. The files are kept, since tests must
# not need any of these.
#
#   apt-get install imagemagick libjpeg-turbo-progs webp libavif-bin libheif-examples libtiff-tools apngasm gifsicle ghostscript qpdf chromium zip python3
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
convert=/usr/bin/convert-im6.q16

$convert -size 48x32 gradient:navy-orange -fill white -draw 'circle 24,16 24,6' -depth 8 "$work/a.ppm"
for i in 1 2 3; do $convert "$work/a.ppm" -modulate 100,100,$((60 * i)) "$work/f$i.png"; done

# JPEG
cjpeg -quality 85 "$work/a.ppm" >jpeg-libjpeg.jpg
cjpeg -quality 85 -progressive "$work/a.ppm" >jpeg-progressive.jpg
cjpeg -quality 60 -arithmetic "$work/a.ppm" >jpeg-arithmetic.jpg
cjpeg -quality 85 -restart 1 "$work/a.ppm" >jpeg-restart.jpg
cjpeg -quality 85 -grayscale "$work/a.ppm" >jpeg-gray.jpg
cjpeg -quality 85 -optimize -sample 1x1 "$work/a.ppm" >jpeg-444-optimized.jpg
$convert "$work/a.ppm" -colorspace CMYK -quality 80 jpeg-cmyk.jpg
$convert "$work/a.ppm" -set comment 'A drawing' -density 300 -quality 70 jpeg-imagemagick.jpg
jpegtran -rotate 90 -copy all jpeg-libjpeg.jpg >jpeg-rotated.jpg
# PNG
$convert "$work/a.ppm" -strip png-imagemagick.png
$convert "$work/a.ppm" -strip -interlace PNG png-interlaced.png
$convert "$work/a.ppm" -strip -colors 16 -define png:format=png8 png-palette.png
$convert "$work/a.ppm" -strip -colorspace Gray -depth 16 png-gray-16.png
$convert "$work/a.ppm" -strip -alpha set -channel A -evaluate set 50% png-alpha.png
$convert "$work/a.ppm" -set Title 'A <b>drawing</b>' -set Software 'x > y' -density 72 png-text-and-time.png
apngasm "$work/a.png" "$work/f1.png" "$work/f2.png" "$work/f3.png" 1 10 >/dev/null && mv "$work/a.png" apng.png
# WebP
cwebp -quiet -q 75 "$work/a.ppm" -o webp-lossy.webp
cwebp -quiet -lossless "$work/a.ppm" -o webp-lossless.webp
cwebp -quiet -q 60 png-alpha.png -o webp-lossy-alpha.webp
cwebp -quiet -lossless png-alpha.png -o webp-lossless-alpha.webp
printf '<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc>A < drawing</dc></x:xmpmeta>' >"$work/xmp"
webpmux -set xmp "$work/xmp" webp-lossy.webp -o webp-xmp.webp 2>/dev/null
$convert -delay 10 "$work"/f?.png "$work/a.gif"
gif2webp -quiet "$work/a.gif" -o webp-animated.webp
gif2webp -quiet -lossy "$work/a.gif" -o webp-animated-lossy.webp
$convert "$work/a.ppm" -quality 80 webp-imagemagick.webp
# GIF
$convert "$work/a.ppm" -strip gif-87a.gif
mv "$work/a.gif" gif-animated.gif
gifsicle -O3 --loop --comment 'made with care' gif-animated.gif -o gif-gifsicle.gif
$convert png-alpha.png -transparent white -interlace GIF gif-transparent-interlaced.gif
# AVIF and HEIC
avifenc --min 20 --max 30 -j 1 png-text-and-time.png avif-avifenc.avif >/dev/null
avifenc --min 20 --max 30 -j 1 png-alpha.png avif-alpha.avif >/dev/null
avifenc --min 30 --max 40 -j 1 "$work/f1.png" "$work/f2.png" "$work/f3.png" avif-sequence.avif >/dev/null
heif-enc -q 50 -A jpeg-rotated.jpg -o avif-heif-enc.avif >/dev/null 2>&1
heif-enc -q 50 jpeg-rotated.jpg -o heic-exif.heic >/dev/null 2>&1
heif-enc -q 50 png-alpha.png -o heic-alpha.heic >/dev/null 2>&1
# BMP
$convert "$work/a.ppm" BMP3:bmp-imagemagick.bmp
$convert png-alpha.png bmp-alpha.bmp
$convert "$work/a.ppm" -colors 16 -compress RLE BMP3:bmp-rle.bmp
# TIFF
$convert "$work/a.ppm" -compress none tiff-imagemagick.tiff
$convert "$work/a.ppm" -compress lzw -define tiff:endian=msb tiff-lzw-big-endian.tiff
$convert "$work/f1.png" "$work/f2.png" -compress zip tiff-pages.tiff
$convert "$work/a.ppm" -monochrome -compress group4 tiff-fax.tif
tiffcp -t -w 16 -l 16 tiff-imagemagick.tiff tiff-tiles.tif
# PDF
cat >"$work/a.ps" <<'PS'
%!PS
/Helvetica findfont 20 scalefont setfont 30 60 moveto (Invoice 4711) show showpage
PS
for v in 1.3 1.4 1.5 1.7 2.0; do
  gs -q -dBATCH -dNOPAUSE -dCompatibilityLevel=$v -sDEVICE=pdfwrite -dDEVICEWIDTHPOINTS=200 -dDEVICEHEIGHTPOINTS=100 -sOutputFile=pdf-$v-ghostscript.pdf "$work/a.ps"
done
qpdf --linearize --static-id pdf-1.4-ghostscript.pdf pdf-linearized.pdf
qpdf --object-streams=generate --static-id pdf-1.4-ghostscript.pdf pdf-object-streams.pdf
qpdf --encrypt '' owner 256 -- pdf-1.7-ghostscript.pdf pdf-encrypted.pdf
printf '<h1>Invoice</h1><p>alert(1) costs <a href="https://shop.example/">5 &euro;</a>' >"$work/a.html"
chromium --headless --no-sandbox --disable-gpu --no-pdf-header-footer --print-to-pdf=pdf-chromium.pdf "$work/a.html" 2>/dev/null
# ZIP, with the larger format where it is asked for and where the size is not known
here=$(pwd)
cd "$work"
printf 'hello\n' >a.txt
printf 'world\n' >b.txt
zip -q -fz "$here/zip-infozip-zip64.zip" a.txt b.txt
zip -q - a.txt b.txt | cat >"$here/zip-infozip-stream.zip"
zip -q - - <a.txt | cat >"$here/zip-infozip-stdin.zip"
python3 - "$here" <<'PY'
import io, sys, zipfile

class Pipe(io.RawIOBase):
    def __init__(self, to): self.to = to
    def writable(self): return True
    def seekable(self): return False
    def write(self, b): return self.to.write(b)

for name, wrap in (("zip-python-zip64.zip", lambda f: f), ("zip-python-zip64-stream.zip", Pipe)):
    with open(sys.argv[1] + "/" + name, "wb") as f, zipfile.ZipFile(wrap(f), "w", zipfile.ZIP_DEFLATED) as z:
        for entry in "a.txt", "b.txt":
            with z.open(zipfile.ZipInfo(entry, (2024, 1, 1, 0, 0, 0)), "w", force_zip64=True) as out:
                out.write(b"hello\n")
PY
