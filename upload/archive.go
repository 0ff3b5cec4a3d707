// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
)

const (
	zipEntries   = 65_534
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
	d, fault := v.zipDirectory(at)
	if fault != "" {
		return a.broken(at, fault)
	}
	entries, start := d.entries, d.start
	a.entries, a.end = entries, v.size
	locals := newView(v.r, v.size)
	defer locals.close()
	packed, off := int64(0), start
	pieces, names, seed := make([]piece, 0, min(entries, 1024)), map[uint64]bool{}, maphash.MakeSeed()
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
		if name == nil {
			return a.broken(off, "Its directory makes no sense.")
		}
		if a.harm == "" {
			a.harm = e.harm(name)
		}
		name = bytes.Clone(name)
		extras := v.at(off+46+nameLen, int(extra))
		if extras == nil || !larger(extras, &e.size, &e.packed, &e.local) {
			return a.broken(off, "Its directory makes no sense.")
		}
		if renames(extras, name) {
			return a.broken(off, "An entry has another name in its extra field.")
		}
		if h := maphash.Bytes(seed, name); names[h] {
			if a.harm == "" {
				a.harm = "Two entries of the archive have the same name."
			}
		} else {
			names[h] = true
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
	if off != start+d.size {
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
	described int64 // its sizes stand behind it in so many bytes, or four more; 0 for none
}

// tile reports whether pieces share bytes, and where the first stands that belongs to
// none, -1 where there is none up to the end.
func tile(pieces []piece, end int64) (shared bool, gap int64) {
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	at, described := int64(0), int64(0)
	for _, p := range append(pieces, piece{from: end}) {
		switch left := p.from - at; {
		case left < 0:
			shared = true
		case left != described && (described == 0 || left != described+4):
			return shared, at
		}
		at, described = max(at, p.to), p.described
	}
	return shared, -1
}

// zipDirectory is where the entries of an archive are listed.
type zipDirectory struct {
	entries     int
	start, size int64
}

// zipDirectory reads the record that ends an archive, and that of the larger format
// where it stands before it: whatever both say must be the same, since some read the
// one and some the other.
func (v *view) zipDirectory(at int64) (d zipDirectory, fault string) {
	end := v.at(at, zipRecordBytes)
	entries, here := int64(binary.LittleEndian.Uint16(end[10:])), int64(binary.LittleEndian.Uint16(end[8:]))
	size, start := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	disks := binary.LittleEndian.Uint32(end[4:])
	if v.has(at-20, "PK\x06\x07") {
		locator := [20]byte(v.at(at-20, 20))
		if at -= 20 + 56; binary.LittleEndian.Uint64(locator[8:]) != uint64(at) || binary.LittleEndian.Uint32(locator[4:]) != 0 {
			return d, "Its directory is not where it says."
		}
		record := v.at(at, 56)
		if record == nil || string(record[:4]) != "PK\x06\x06" || binary.LittleEndian.Uint64(record[4:]) != 44 || binary.LittleEndian.Uint64(record[16:]) != 0 {
			return d, "Its directory is not where it says."
		}
		if disks == 1<<32-1 {
			disks = 0
		}
		for _, n := range []struct {
			small *int64
			none  int64
			large uint64
		}{
			{&here, 1<<16 - 1, binary.LittleEndian.Uint64(record[24:])},
			{&entries, 1<<16 - 1, binary.LittleEndian.Uint64(record[32:])},
			{&size, zip64, binary.LittleEndian.Uint64(record[40:])},
			{&start, zip64, binary.LittleEndian.Uint64(record[48:])},
		} {
			if n.large > largestZip || *n.small != n.none && *n.small != int64(n.large) {
				return d, "Its directory is given twice, and differs."
			}
			*n.small = int64(n.large)
		}
	}
	switch {
	case disks != 0 || here != entries || entries > zipEntries:
		return d, "It is an archive of several parts, or of too many entries."
	case start+size != at:
		return d, "Its directory is not where it says."
	}
	return zipDirectory{int(entries), start, size}, ""
}

const (
	zip64Extra = 1
	largestZip = 1 << 40 // bytes of anything in an archive; so many times zipEntries is no overflow
)

// extraField finds a field of an entry's extra data; nil when there is none.
func extraField(extra []byte, id uint16) []byte {
	for len(extra) >= 4 {
		n := int(binary.LittleEndian.Uint16(extra[2:]))
		if 4+n > len(extra) {
			return nil
		}
		if binary.LittleEndian.Uint16(extra) == id {
			return extra[4 : 4+n]
		}
		extra = extra[4+n:]
	}
	return nil
}

// larger reads, in their order, the numbers for which the larger format has room in its
// extra field alone, and reports whether they make sense.
func larger(extra []byte, numbers ...*int64) bool {
	field := extraField(extra, zip64Extra)
	for _, n := range numbers {
		if *n != zip64 {
			continue
		}
		if len(field) < 8 || binary.LittleEndian.Uint64(field) > largestZip {
			return false
		}
		*n, field = int64(binary.LittleEndian.Uint64(field)), field[8:]
	}
	return true
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
	described := binary.LittleEndian.Uint16(head[6:])&8 != 0
	packed, size, extra := int64(binary.LittleEndian.Uint32(head[18:])), int64(binary.LittleEndian.Uint32(head[22:])), int64(binary.LittleEndian.Uint16(head[28:]))
	if !bytes.Equal(v.at(e.local+30, len(name)), name) {
		return p, false
	}
	extras := v.at(e.local+30+int64(len(name)), int(extra))
	if extras == nil || renames(extras, name) || !larger(extras, &size, &packed) {
		return p, false
	}
	if packed != e.packed && !(described && packed == 0) || size != e.size && !(described && size == 0) {
		return p, false
	}
	if described {
		if p.described = 12; extraField(extras, zip64Extra) != nil {
			p.described = 20
		}
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
