// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import "encoding/binary"

const (
	boxLevels  = 6    // that are gone into
	tiffPages  = 1000 // and their entries together:
	tiffFields = 100_000
)

// lookHEIF walks the boxes of an AVIF or HEIC (ISO 14496-12, ISO 23008-12) and goes into
// those that say how large its pictures are. Metadata may stand in any of them.
func lookHEIF(v *view) (a anatomy) {
	if !v.has(4, "ftyp") {
		return a.broken(0, "It does not start as an AVIF or HEIC.")
	}
	var ends [boxLevels]int64 // of the boxes around
	depth := 0
	for off := int64(0); ; {
		for depth > 0 && off == ends[depth-1] {
			depth--
		}
		head := v.at(off, 16)
		if head == nil {
			if head = v.at(off, 8); head == nil {
				if v.finish() == off && depth == 0 {
					break
				}
				return a.broken(min(off, v.size), endsEarly)
			}
		}
		size, name, content := int64(binary.BigEndian.Uint32(head)), string(head[4:8]), off+8
		switch {
		case size == 1 && len(head) == 16:
			size, content = int64(binary.BigEndian.Uint64(head[8:])), off+16
		case size == 0 && depth == 0:
			size = v.finish() - off // to the end of the file
		}
		next := off + size
		if next < content || !printable(name) {
			return a.broken(off, "It has a box that makes no sense.")
		}
		if next > v.size || depth > 0 && next > ends[depth-1] {
			return a.broken(off, endsEarly)
		}
		switch name {
		case "meta", "iprp", "ipco", "moov", "trak":
			if depth == boxLevels {
				return a.broken(off, "It has a box that makes no sense.")
			}
			ends[depth], off = next, content
			depth++
			if name == "meta" {
				off += 4
			}
			if off > next {
				return a.broken(off, endsEarly)
			}
			continue
		case "ispe":
			b := v.at(content, 12)
			if b == nil {
				return a.broken(off, endsEarly)
			}
			a.enlarge(int64(binary.BigEndian.Uint32(b[4:])), int64(binary.BigEndian.Uint32(b[8:])))
		}
		if v.marked(content, next) {
			a.marked = true
		}
		off = next
	}
	if a.width == 0 || a.height == 0 {
		return a.broken(v.size, "It has no size.")
	}
	a.end = v.size
	return a
}

// enlarge keeps the size of the largest picture in a file.
func (a *anatomy) enlarge(width, height int64) {
	if width*height > a.width*a.height || a.width*a.height == 0 {
		a.width, a.height = width, height
	}
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// lookBMP holds a BMP by its headers, and the size of its pixels by those.
func lookBMP(v *view) (a anatomy) {
	head := v.at(0, 26)
	if head == nil || string(head[:2]) != "BM" {
		return a.broken(0, "It does not start as a BMP.")
	}
	size, pixels, bits := int64(binary.LittleEndian.Uint32(head[2:])), int64(binary.LittleEndian.Uint32(head[10:])), int64(0)
	compression := uint32(0)
	switch n := binary.LittleEndian.Uint32(head[14:]); {
	case n == 12:
		a.width, a.height, bits = int64(binary.LittleEndian.Uint16(head[18:])), int64(binary.LittleEndian.Uint16(head[20:])), int64(binary.LittleEndian.Uint16(head[24:]))
	case n >= 40 && n <= 124:
		head = v.at(0, 34)
		if head == nil {
			return a.broken(14, endsEarly)
		}
		a.width, a.height, bits = int64(int32(binary.LittleEndian.Uint32(head[18:]))), int64(int32(binary.LittleEndian.Uint32(head[22:]))), int64(binary.LittleEndian.Uint16(head[28:]))
		compression = binary.LittleEndian.Uint32(head[30:])
	default:
		return a.broken(14, "It has a header that makes no sense.")
	}
	if a.height < 0 { // from top to bottom
		a.height = -a.height
	}
	if a.width <= 0 || a.height == 0 || bits > 32 || pixels < 26 {
		return a.broken(14, "It has no size.")
	}
	switch compression {
	case 0, 3, 6: // none
		a.end = pixels + (a.width*bits+31)/32*4*a.height
	case 1, 2: // runs
		a.end = pixels + 1
	default: // a picture of another format within
		return a.broken(14, "It has a header that makes no sense.")
	}
	a.marked = v.marked(14, pixels)
	whole := v.finish()
	if a.end > whole {
		return a.broken(whole, endsEarly)
	}
	if a.end = max(a.end, size); a.end > whole || size == 0 { // which some get wrong
		a.end = whole
	}
	return a
}

// lookTIFF follows the directories of a TIFF from the first to the last; there may be
// text in it anywhere.
func lookTIFF(v *view) (a anatomy) {
	head := v.at(0, 8)
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case head != nil && string(head[:4]) == "II*\x00":
	case head != nil && string(head[:4]) == "MM\x00*":
		order = binary.BigEndian
	default:
		return a.broken(0, "It does not start as a TIFF.")
	}
	at := int64(order.Uint32(head[4:]))
	for pages, fields := 0, 0; at != 0; pages++ {
		b := v.at(at, 2)
		if b == nil {
			return a.broken(min(at, v.size), endsEarly)
		}
		n := int64(order.Uint16(b))
		if fields += int(n); pages == tiffPages || fields > tiffFields {
			return a.broken(at, "It has more pages than anybody looks at.")
		}
		var width, height int64
		for i := range n {
			b := v.at(at+2+12*i, 12)
			if b == nil {
				return a.broken(at, endsEarly)
			}
			value := int64(order.Uint32(b[8:]))
			if order.Uint16(b[2:]) == 3 {
				value = int64(order.Uint16(b[8:]))
			}
			switch order.Uint16(b) {
			case 256:
				width = value
			case 257:
				height = value
			}
		}
		a.enlarge(width, height)
		if b = v.at(at+2+12*n, 4); b == nil {
			return a.broken(at, endsEarly)
		}
		at = int64(order.Uint32(b))
	}
	if a.width == 0 || a.height == 0 {
		return a.broken(v.size, "It has no size.")
	}
	a.marked = v.marked(0, v.size)
	a.end = v.size
	return a
}

// lookMedia is for what is not looked into: all of it is the file's own.
func lookMedia(v *view) (a anatomy) {
	a.end = v.finish()
	return a
}
