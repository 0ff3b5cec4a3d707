// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"encoding/binary"
)

// The walks below follow a format's chunks or segments from its first byte to
// its last. They decode no pixels and allocate nothing; each looks at a byte a
// bounded number of times.

// jpegScans is how many scans a JPEG may have. A decoder goes over all pixels for each.
const jpegScans = 500

const endsEarly = "It ends before its format says."

// lookPNG walks the chunks of a PNG (RFC 2083): IHDR first, IDAT, IEND last.
func lookPNG(v *view) (a anatomy) {
	if !v.has(0, "\x89PNG\r\n\x1a\n") {
		return a.broken(0, "It does not start as a PNG.")
	}
	data := false
	for off := int64(8); ; {
		head := v.at(off, 8)
		if head == nil {
			return a.broken(min(off, v.size), endsEarly)
		}
		size, name := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		next := off + 12 + size
		switch {
		case size > 1<<31-1 || !letters(name):
			return a.broken(off, "It has a chunk that makes no sense.")
		case (off == 8) != (name == "IHDR") || name == "IHDR" && size != 13:
			return a.broken(off, "It has no proper header chunk.")
		case next > v.size:
			// What stands there may be anything.
			return a.broken(off, endsEarly)
		}
		switch name {
		case "IHDR":
			dims := v.at(off+8, 8)
			a.width, a.height = int64(binary.BigEndian.Uint32(dims)), int64(binary.BigEndian.Uint32(dims[4:]))
			if a.width == 0 || a.height == 0 || a.width > 1<<31-1 || a.height > 1<<31-1 {
				return a.broken(off, "It has no size.")
			}
		case "IDAT", "fdAT":
			data = true
		case "IEND":
			if size != 0 || !data {
				return a.broken(off, "It has no picture in it.")
			}
			a.end = next
			return a
		default:
			a.marked = a.marked || v.marked(off+8, next-4)
		}
		off = next
	}
}

func letters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// lookJPEG walks the segments of a JPEG (ITU-T T.81, annex B) and the scans
// between them, to the end-of-image marker.
func lookJPEG(v *view) (a anatomy) {
	if !v.has(0, "\xff\xd8\xff") {
		return a.broken(0, "It does not start as a JPEG.")
	}
	frame, scans := false, 0
	for off := int64(2); ; {
		head := v.at(off, 2)
		if head == nil {
			return a.broken(min(off, v.size), endsEarly)
		}
		if head[0] != 0xff {
			return a.broken(off, "It has something else between its segments.")
		}
		marker := head[1]
		switch {
		case marker == 0xff: // fill byte
			off++
			continue
		case marker == 0xd9: // end of image
			if !frame || scans == 0 {
				return a.broken(off, "It has no picture in it.")
			}
			a.end = off + 2
			return a
		case marker == 0x01 || 0xd0 <= marker && marker <= 0xd7: // no content
			off += 2
			continue
		case marker < 0xc0 || marker == 0xd8:
			return a.broken(off, "It has a segment that makes no sense.")
		}
		length := v.at(off+2, 2)
		if length == nil {
			return a.broken(off, endsEarly)
		}
		size := int64(binary.BigEndian.Uint16(length))
		next := off + 2 + size
		if size < 2 || next > v.size {
			return a.broken(off, endsEarly)
		}
		a.marked = a.marked || v.marked(off+4, next)
		switch {
		case marker == 0xda: // start of scan
			if scans++; scans > jpegScans {
				return a.broken(off, "It has more scans than any encoder writes.")
			}
			next = v.scanEnd(next)
		case marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc: // start of frame
			dims := v.at(off+5, 4)
			if size < 8 || dims == nil {
				return a.broken(off, endsEarly)
			}
			frame = true
			a.height = max(a.height, int64(binary.BigEndian.Uint16(dims)))
			a.width = max(a.width, int64(binary.BigEndian.Uint16(dims[2:])))
			if a.width == 0 {
				return a.broken(off, "It has no size.")
			}
		}
		off = next
	}
}

// scanEnd finds the marker that ends the compressed data from off on: a 0xff
// that neither a zero nor a restart marker follows.
func (v *view) scanEnd(off int64) int64 {
	for {
		b := v.from(off, 2)
		if len(b) < 2 {
			return v.size
		}
		for i := 0; ; {
			k := bytes.IndexByte(b[i:len(b)-1], 0xff)
			if k < 0 {
				off += int64(len(b) - 1)
				break
			}
			i += k
			if c := b[i+1]; c != 0 && (c < 0xd0 || c > 0xd7) {
				return off + int64(i)
			}
			i++
		}
	}
}

// lookWebP walks the chunks of a WebP (RFC 9649).
func lookWebP(v *view) (a anatomy) {
	head := v.at(0, 12)
	if head == nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WEBP" {
		return a.broken(0, "It does not start as a WebP.")
	}
	end := 8 + int64(binary.LittleEndian.Uint32(head[4:]))
	if end > v.size {
		return a.broken(12, endsEarly)
	}
	data := false
	frame := int64(0) // where the frame ends that the chunk is in
	off := int64(12)
	for off < end {
		head := v.at(off, 8)
		if head == nil {
			return a.broken(off, endsEarly)
		}
		size, name := int64(binary.LittleEndian.Uint32(head[4:])), string(head[:4])
		next := off + 8 + size + size&1
		if next > end || next > frame && frame > 0 {
			return a.broken(off, endsEarly)
		}
		if frame == next {
			frame = 0
		}
		if off == 12 && name != "VP8 " && name != "VP8L" && name != "VP8X" {
			return a.broken(off, "It has no picture in it.")
		}
		switch name {
		case "VP8 ", "VP8L", "VP8X":
			data = data || name != "VP8X"
			width, height := webpSize(name, v.at(off+8, int(min(size, 10))))
			if width == 0 || height == 0 {
				return a.broken(off, "It has no size.")
			}
			a.enlarge(width, height)
		case "ANMF": // chunks of its own, behind 16 bytes
			if frame > 0 || size < 16 {
				return a.broken(off, "It has a frame that makes no sense.")
			}
			if size > 16 {
				frame, next = next, off+8+16
			}
			data = true
		case "ALPH":
		default:
			a.marked = a.marked || v.marked(off+8, off+8+size)
		}
		off = next
	}
	if !data {
		return a.broken(off, "It has no picture in it.")
	}
	a.end = end
	return a
}

// webpSize reads the width and height from the start of a picture chunk.
func webpSize(name string, b []byte) (width, height int64) {
	switch {
	case name == "VP8 " && len(b) == 10 && b[3] == 0x9d && b[4] == 0x01 && b[5] == 0x2a:
		return int64(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int64(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)
	case name == "VP8L" && len(b) >= 5 && b[0] == 0x2f:
		bits := int64(binary.LittleEndian.Uint32(b[1:]))
		return bits&0x3fff + 1, bits>>14&0x3fff + 1
	case name == "VP8X" && len(b) == 10:
		return 1 + int64(b[4]) + int64(b[5])<<8 + int64(b[6])<<16, 1 + int64(b[7]) + int64(b[8])<<8 + int64(b[9])<<16
	}
	return 0, 0
}

// lookGIF walks the blocks of a GIF to its trailer.
func lookGIF(v *view) (a anatomy) {
	head := v.at(0, 13)
	if head == nil || string(head[:4]) != "GIF8" {
		return a.broken(0, "It does not start as a GIF.")
	}
	a.width, a.height = int64(binary.LittleEndian.Uint16(head[6:])), int64(binary.LittleEndian.Uint16(head[8:]))
	if a.width == 0 || a.height == 0 {
		return a.broken(6, "It has no size.")
	}
	off := 13 + colorTable(head[10])
	for data := false; ; {
		b := v.at(off, 1)
		if b == nil {
			if off == v.size && data { // some encoders leave the trailer out
				a.end = off
				return a
			}
			return a.broken(min(off, v.size), endsEarly)
		}
		switch b[0] {
		case 0x3b: // trailer
			if !data {
				return a.broken(off, "It has no picture in it.")
			}
			a.end = off + 1
			return a
		case 0x2c: // picture
			image := v.at(off, 10)
			if image == nil {
				return a.broken(off, endsEarly)
			}
			data = true
			a.width = max(a.width, int64(binary.LittleEndian.Uint16(image[1:]))+int64(binary.LittleEndian.Uint16(image[5:])))
			a.height = max(a.height, int64(binary.LittleEndian.Uint16(image[3:]))+int64(binary.LittleEndian.Uint16(image[7:])))
			end, ok := v.gifBlocks(off + 10 + colorTable(image[9]) + 1)
			if !ok {
				return a.broken(off, endsEarly)
			}
			off = end
		case 0x21: // extension
			end, ok := v.gifBlocks(off + 2)
			if !ok {
				return a.broken(off, endsEarly)
			}
			a.marked = a.marked || v.marked(off+2, end)
			off = end
		default:
			return a.broken(off, "It has a block that makes no sense.")
		}
	}
}

func colorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// gifBlocks skips data blocks up to the empty one.
func (v *view) gifBlocks(off int64) (end int64, ok bool) {
	for {
		b := v.at(off, 1)
		if b == nil {
			return off, false
		}
		off += 1 + int64(b[0])
		if b[0] == 0 {
			return off, true
		}
	}
}
