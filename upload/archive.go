// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

const (
	zipEntries   = 65_534 // more need the larger format, which is not taken
	zipEntryName = 1 << 10
	zip64        = 1<<32 - 1 // stands where the larger format has the number
	// ratioFrom is from how many unpacked bytes on the ratio counts.
	ratioFrom = 1 << 20
)

// lookZIP reads the directory of a ZIP archive, and of what is one underneath
// (docx, epub), as whoever unpacks it does, without unpacking anything: the
// sizes are those that the archive states.
func lookZIP(v *view) (a anatomy) {
	at, ok := v.zipEnd()
	if !ok {
		return a.broken(v.size, "It does not end as an archive.")
	}
	end := v.at(at, zipRecordBytes)
	entries, size, start := int(binary.LittleEndian.Uint16(end[10:])), int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	disks := binary.LittleEndian.Uint32(end[4:]) != 0 || binary.LittleEndian.Uint16(end[8:]) != uint16(entries)
	switch {
	case disks || entries > zipEntries || size == zip64 || start == zip64:
		return a.broken(at, "It is an archive of several parts, or of the larger format.")
	case start+size != at:
		return a.broken(at, "Its directory is not where it says.")
	}
	a.entries, a.end = entries, v.size
	locals := newView(v.r, v.size)
	defer locals.close()
	packed, off := int64(0), start
	pieces := make([]piece, 0, min(entries, 1024))
	for range entries {
		head := v.at(off, 46)
		if head == nil || string(head[:4]) != "PK\x01\x02" {
			return a.broken(off, "Its directory makes no sense.")
		}
		e := zipEntry{
			packed: int64(binary.LittleEndian.Uint32(head[20:])), size: int64(binary.LittleEndian.Uint32(head[24:])),
			local:  int64(binary.LittleEndian.Uint32(head[42:])),
			link:   binary.LittleEndian.Uint32(head[38:])>>16&0o170000 == 0o120000, // of Unix, whatever made it
			method: binary.LittleEndian.Uint16(head[10:]),
		}
		nameLen := int64(binary.LittleEndian.Uint16(head[28:]))
		extra := int64(binary.LittleEndian.Uint16(head[30:]))
		more := extra + int64(binary.LittleEndian.Uint16(head[32:]))
		if nameLen > zipEntryName {
			a.harm = "A name in the archive is longer than 1024 bytes."
			return a
		}
		name := v.at(off+46, int(nameLen))
		if name == nil || e.packed == zip64 || e.size == zip64 || e.local == zip64 {
			return a.broken(off, "Its directory makes no sense.")
		}
		if a.harm == "" {
			a.harm = e.harm(name)
		}
		name = bytes.Clone(name)
		if renames(v.at(off+46+nameLen, int(extra)), name) {
			return a.broken(off, "An entry has another name in its extra field.")
		}
		piece, ok := e.at(locals, name)
		if !ok {
			return a.broken(e.local, "An entry is not what its directory says.")
		}
		pieces = append(pieces, piece)
		a.unpacked += e.size
		if packed += e.packed + 30 + nameLen; packed > start { // no more has to be read to know
			if a.harm == "" {
				a.harm = "Entries of the archive share their content."
			}
			return a
		}
		off += 46 + nameLen + more
	}
	if off != at {
		return a.broken(off, "Its directory makes no sense.")
	}
	shared, gap := tile(pieces, start)
	switch {
	case gap >= 0: // whoever reads from the front finds entries that are not in the directory
		return a.broken(gap, "There is something between its entries.")
	case shared && a.harm == "":
		a.harm = "Entries of the archive share their content."
	case a.harm == "" && a.unpacked > ratioFrom && a.unpacked/100 > max(packed, 1):
		a.harm = "The archive unpacks to more than 100 times its size."
	}
	return a
}

type zipEntry struct {
	packed, size, local int64
	method              uint16
	link                bool
}

// piece is where an entry and its content stand.
type piece struct {
	from, to  int64
	described bool // its sizes stand behind it
}

// tile reports whether pieces share bytes, and where the first stands that belongs to
// none, -1 where there is none up to the end. Behind a described piece stand 12 or 16
// bytes.
func tile(pieces []piece, end int64) (shared bool, gap int64) {
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	at, described := int64(0), false
	for _, p := range append(pieces, piece{from: end}) {
		switch left := p.from - at; {
		case left < 0:
			shared = true
		case left > 0 && !(described && (left == 12 || left == 16)), left == 0 && described:
			return shared, at
		}
		at, described = max(at, p.to), p.described
	}
	return shared, -1
}

// renames reports whether an extra field has another name for its entry (Info-ZIP's
// Unicode Path, 0x7075), or makes no sense.
func renames(extra, name []byte) bool {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return id == 0x7075
		}
		if id == 0x7075 && (n < 5 || !bytes.Equal(extra[5:n], name)) {
			return true
		}
		extra = extra[n:]
	}
	return false
}

// harm says what a name could do to whoever unpacks the archive, or "".
func (e zipEntry) harm(name []byte) string {
	switch {
	case e.link:
		return "There is a symbolic link in the archive."
	case len(name) == 0 || name[0] == '/' || bytes.IndexByte(name, '\\') >= 0 || len(name) > 1 && name[1] == ':':
		return "A name in the archive is a path of its own."
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return "A name in the archive has a control character in it."
		}
	}
	for part := range strings.SplitSeq(string(name), "/") {
		if part == ".." {
			return "A name in the archive leads out of its directory."
		}
	}
	return ""
}

// at reports whether the entry itself stands where the directory says, with the
// same name, way and sizes: some read the one, some the other.
func (e zipEntry) at(v *view, name []byte) (p piece, ok bool) {
	head := v.at(e.local, 30)
	if head == nil || string(head[:4]) != "PK\x03\x04" || int(binary.LittleEndian.Uint16(head[26:])) != len(name) || binary.LittleEndian.Uint16(head[8:]) != e.method {
		return p, false
	}
	p.described = binary.LittleEndian.Uint16(head[6:])&8 != 0
	packed, size, extra := int64(binary.LittleEndian.Uint32(head[18:])), int64(binary.LittleEndian.Uint32(head[22:])), int64(binary.LittleEndian.Uint16(head[28:]))
	if (packed != e.packed || size != e.size) && !(p.described && packed == 0 && size == 0) {
		return p, false
	}
	if !bytes.Equal(v.at(e.local+30, len(name)), name) || renames(v.at(e.local+30+int64(len(name)), int(extra)), name) {
		return p, false
	}
	p.from, p.to = e.local, e.local+30+int64(len(name))+extra+e.packed
	return p, true
}

// zipEnd finds the record that ends the file with its comment. It is the last of its
// marks, or readers would take another: most search from the end for the mark alone.
func (v *view) zipEnd() (int64, bool) {
	stop := max(v.size-zipRecordBytes-longestComment, 0)
	for off := v.size - zipRecordBytes; off >= stop; {
		from := max(off-windowBytes+zipRecordBytes, stop)
		b := v.from(from, int(off+zipRecordBytes-from))
		if int64(len(b)) < off+zipRecordBytes-from {
			return 0, false
		}
		b = b[:off+zipRecordBytes-from]
		i := bytes.LastIndex(b[:len(b)-zipRecordBytes+4], []byte(zipRecordMark))
		if i < 0 {
			off = from - 1
			continue
		}
		at := from + int64(i)
		comment := int64(binary.LittleEndian.Uint16(b[i+20:]))
		if at+zipRecordBytes+comment != v.size || comment > 0 && v.tailHas(at+zipRecordBytes, zipRecordMark) {
			return 0, false
		}
		return at, true
	}
	return 0, false
}

// tailHas reports whether text stands between off and the end of the file.
func (v *view) tailHas(off int64, text string) bool {
	for off < v.size {
		b := v.from(off, len(text))
		if bytes.Contains(b, []byte(text)) {
			return true
		}
		if int64(len(b)) >= v.size-off {
			return false
		}
		off += int64(len(b)) - int64(len(text)) + 1
	}
	return false
}
