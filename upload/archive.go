// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"encoding/binary"
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
	for range entries {
		head := v.at(off, 46)
		if head == nil || string(head[:4]) != "PK\x01\x02" {
			return a.broken(off, "Its directory makes no sense.")
		}
		e := zipEntry{
			packed: int64(binary.LittleEndian.Uint32(head[20:])), size: int64(binary.LittleEndian.Uint32(head[24:])),
			local: int64(binary.LittleEndian.Uint32(head[42:])),
			link:  head[5] == 3 && binary.LittleEndian.Uint32(head[38:])>>16&0o170000 == 0o120000, // of Unix
		}
		nameLen := int64(binary.LittleEndian.Uint16(head[28:]))
		more := int64(binary.LittleEndian.Uint16(head[30:])) + int64(binary.LittleEndian.Uint16(head[32:]))
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
		if !e.at(locals, name) {
			return a.broken(e.local, "An entry is not what its directory says.")
		}
		a.unpacked += e.size
		packed += e.packed + 30 + nameLen
		off += 46 + nameLen + more
	}
	switch {
	case off != at:
		return a.broken(off, "Its directory makes no sense.")
	case packed > start && a.harm == "":
		a.harm = "Entries of the archive share their content."
	case a.harm == "" && a.unpacked > ratioFrom && a.unpacked/100 > max(packed, 1):
		a.harm = "The archive unpacks to more than 100 times its size."
	}
	return a
}

type zipEntry struct {
	packed, size, local int64
	link                bool
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
// same name: some read the one, some the other.
func (e zipEntry) at(v *view, name []byte) bool {
	head := v.at(e.local, 30)
	if head == nil || string(head[:4]) != "PK\x03\x04" || int(binary.LittleEndian.Uint16(head[26:])) != len(name) {
		return false
	}
	return bytes.Equal(v.at(e.local+30, len(name)), name)
}

// zipEnd finds the record that ends the file with its comment.
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
		if comment := int64(binary.LittleEndian.Uint16(b[i+20:])); at+zipRecordBytes+comment == v.size {
			return at, true
		}
		off = at - 1
	}
	return 0, false
}
