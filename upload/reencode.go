// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/rule"
)

const (
	reencodedAtOnce = 2 // in the process; each needs up to 24 bytes a pixel, as a progressive JPEG of four colours does
	reencodedPixels = 25_000_000
	mostReencoded   = 50_000_000
	jpegQuality     = 90
)

var reencoding = make(chan struct{}, reencodedAtOnce)

// reencoders decode a picture and encode it anew: what is no pixel is left
// behind. A JPEG is turned as its metadata say before those go.
var reencoders = map[string]func(w io.Writer, r *io.SectionReader) error{
	"image/jpeg": func(w io.Writer, r *io.SectionReader) error {
		turn := orientation(io.NewSectionReader(r, 0, r.Size()))
		m, err := jpeg.Decode(r)
		if err != nil {
			return err
		}
		return jpeg.Encode(w, turned(m, turn), &jpeg.Options{Quality: jpegQuality})
	},
	"image/png": func(w io.Writer, r *io.SectionReader) error {
		m, err := png.Decode(r)
		if err != nil {
			return err
		}
		if p, ok := m.(*image.Paletted); ok {
			dropUnused(p)
		}
		return png.Encode(w, m)
	},
}

// dropUnused takes the colours out of a palette that no pixel has, where 700 bytes of
// anything would find room.
func dropUnused(m *image.Paletted) {
	var used [256]bool
	for _, c := range m.Pix {
		used[c] = true
	}
	var now [256]uint8
	left := m.Palette[:0]
	for i, c := range m.Palette {
		if used[i] {
			now[i] = uint8(len(left))
			left = append(left, c)
		}
	}
	m.Palette = left
	for i, c := range m.Pix {
		m.Pix[i] = now[c]
	}
}

// reencoded reads a file to a spool of its own, judges it there, and puts the
// picture that it is, encoded anew, into the form.
func (rd *reading) reencoded(p *inspect.Part, f *File, name fileName) error {
	form := rd.to
	side := rd.t.budget.New()
	rd.to = side
	defer func() {
		rd.to = form
		side.Close()
	}()
	var err error
	if f.off, f.Size, err = rd.content(p, rd.t.cfg.MaxFileBytes, "file"); err != nil {
		return err
	}
	f.in = side
	if err := rd.judge(f, name); err != nil {
		return err
	}
	if err := rd.scan(f); err != nil {
		return err
	}
	from := f.Open()
	f.in, f.off = form, form.Size()
	if encode := reencoders[f.Type]; encode != nil {
		err = rd.encode(form, from, encode, f.Field)
	} else {
		err = copyTo(form, from)
	}
	if err != nil {
		return err
	}
	f.Size = form.Size() - f.off
	rd.form.Files = append(rd.form.Files, f)
	return nil
}

// encode writes a picture anew. One that cannot be decoded is no picture; where
// that is let pass, it goes on as it came.
func (rd *reading) encode(to io.Writer, from *io.SectionReader, encode func(io.Writer, *io.SectionReader) error, field string) error {
	select {
	case reencoding <- struct{}{}:
		defer func() { <-reencoding }()
	case <-rd.ctx.Done():
		return busy(rd.ctx.Err())
	}
	out := rd.t.budget.New()
	defer out.Close()
	err := rd.encodable(from)
	if err == nil {
		err = encode(out, from)
	}
	if err != nil {
		if err := rd.violates(rule.UploadMismatch, "It cannot be decoded.", field); err != nil {
			return err
		}
		from.Seek(0, io.SeekStart)
		return copyTo(to, from)
	}
	return copyTo(to, out.Section(0, out.Size()))
}

var errPixels = errors.New("it has too many pixels")

// encodable holds that a picture is not decoded that has more pixels than may be,
// whatever report mode lets pass: a decoder makes room for what a header says.
func (rd *reading) encodable(from *io.SectionReader) error {
	cfg, _, err := image.DecodeConfig(io.NewSectionReader(from, 0, from.Size()))
	if err != nil {
		return err
	}
	if int64(cfg.Width)*int64(cfg.Height) > min(rd.t.cfg.MaxPixels, mostReencoded) {
		return errPixels
	}
	return nil
}

func copyTo(to io.Writer, from io.Reader) error {
	if _, err := io.Copy(to, from); err != nil {
		return busy(err)
	}
	return nil
}

// orientation reads how a camera was held from a JPEG's EXIF metadata (tag 274),
// 1 to 8; 1 where nothing is said.
func orientation(r io.ReaderAt) int {
	var head [4]byte
	off := int64(2)
	for range 64 {
		if _, err := r.ReadAt(head[:], off); err != nil || head[0] != 0xff || head[1] == 0xda {
			return 1
		}
		size := int64(binary.BigEndian.Uint16(head[2:]))
		if head[1] == 0xe1 && size > 8 {
			b := make([]byte, size-2)
			if _, err := r.ReadAt(b, off+4); err != nil {
				return 1
			}
			if string(b[:6]) == "Exif\x00\x00" {
				return exifOrientation(b[6:])
			}
		}
		off += 2 + size
	}
	return 1
}

// exifOrientation reads the tag from the first directory of a TIFF structure.
func exifOrientation(b []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	if len(b) < 8 {
		return 1
	}
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	n := int64(order.Uint16(b[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > int64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == 0x112 {
			if v := int(order.Uint16(b[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// turned is the picture the right way up.
func turned(m image.Image, how int) image.Image {
	if how <= 1 {
		return m
	}
	b := m.Bounds()
	src := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(src, src.Bounds(), m, b.Min, draw.Src)
	w, h := b.Dx(), b.Dy()
	dw, dh := w, h
	if how >= 5 {
		dw, dh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range h {
		for x := range w {
			dx, dy := x, y
			switch how {
			case 2:
				dx = w - 1 - x
			case 3:
				dx, dy = w-1-x, h-1-y
			case 4:
				dy = h - 1 - y
			case 5:
				dx, dy = y, x
			case 6:
				dx, dy = h-1-y, x
			case 7:
				dx, dy = h-1-y, w-1-x
			case 8:
				dx, dy = y, w-1-x
			}
			copy(dst.Pix[dst.PixOffset(dx, dy):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}
