// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// packed is an archive as Go's standard library writes it: deflated, sizes behind
// the content.
func packed(entries ...[2]string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		out, err := w.Create(e[0])
		if err != nil {
			panic(err)
		}
		io.WriteString(out, e[1])
	}
	w.Close()
	return b.String()
}

func many(n int) (entries [][2]string) {
	for i := range n {
		entries = append(entries, [2]string{fmt.Sprintf("f%d.txt", i), "x"})
	}
	return entries
}

// linked is an archive with a symbolic link.
func linked() string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "link"}
	h.SetMode(0o777 | 1<<27) // fs.ModeSymlink
	out, _ := w.CreateHeader(h)
	io.WriteString(out, "/etc/passwd")
	w.Close()
	return b.String()
}

// twice lists an archive's one entry again and again, as overlapping bombs do.
func twice(n int) string {
	one := packed([2]string{"a", strings.Repeat("a", 100)})
	at := strings.Index(one, "PK\x01\x02")
	end := strings.LastIndex(one, "PK\x05\x06")
	entry := one[at:end]
	record := []byte(one[end:])
	binary.LittleEndian.PutUint16(record[8:], uint16(n))
	binary.LittleEndian.PutUint16(record[10:], uint16(n))
	binary.LittleEndian.PutUint32(record[12:], uint32(len(entry)*n))
	return one[:at] + strings.Repeat(entry, n) + string(record)
}

// patched is an archive with another byte at a place behind the first mark.
func patched(archive, mark string, at int, c byte) string {
	b := []byte(archive)
	b[strings.Index(archive, mark)+at] = c
	return string(b)
}

// twoEnds is an archive with another in its comment, and a byte behind that: most readers
// take the second.
func twoEnds() string {
	first, second := zipOf("a.txt", "hello"), packed([2]string{"../../evil.txt", "x"})
	b := []byte(first)
	binary.LittleEndian.PutUint16(b[len(b)-2:], uint16(len(second)+1))
	return string(b) + second + "x"
}

// unlisted is an archive with an entry in front that its directory does not have.
func unlisted(name string) string {
	front, listed := zipOf(name, "evil"), packed([2]string{"a.txt", "hello"})
	front = front[:strings.Index(front, "PK\x01\x02")]
	at := strings.Index(listed, "PK\x01\x02")
	end := strings.LastIndex(listed, "PK\x05\x06")
	directory, record := []byte(listed[at:end]), []byte(listed[end:])
	binary.LittleEndian.PutUint32(directory[42:], uint32(len(front)))
	binary.LittleEndian.PutUint32(record[16:], uint32(len(front)+at))
	return front + listed[:at] + string(directory) + string(record)
}

// named is an archive whose entry has a name in Info-ZIP's extra field, too.
func named(name, unicode string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	extra := binary.LittleEndian.AppendUint16(nil, 0x7075)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(5+len(unicode)))
	extra = append(binary.LittleEndian.AppendUint32(append(extra, 1), crc32.ChecksumIEEE([]byte(name))), unicode...)
	out, _ := w.CreateHeader(&zip.FileHeader{Name: name, Extra: extra})
	io.WriteString(out, "hello")
	w.Close()
	return b.String()
}

// largerFormat is an archive of one entry with the directory's place given twice, and
// another byte at a place in the larger record or its locator behind it.
func largerFormat(at int, c byte) string {
	z := zipOf("a.txt", "hello")
	end := strings.LastIndex(z, "PK\x05\x06")
	record := []byte(z[end:])
	start, size := binary.LittleEndian.Uint32(record[16:]), binary.LittleEndian.Uint32(record[12:])
	b := binary.LittleEndian.AppendUint64([]byte("PK\x06\x06"), 44)
	b = append(b, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, n := range []uint64{1, 1, uint64(size), uint64(start)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
	b = append(binary.LittleEndian.AppendUint64(b, uint64(end)), 1, 0, 0, 0)
	if c != 0 {
		b[at] = c
	}
	copy(record[8:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	return z[:end] + string(b) + string(record)
}

// longExtra is an archive whose entry has another name behind 40 KB of extra data.
func longExtra() string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	extra := append([]byte("\x99\x99\x40\x9c"), make([]byte, 40_000)...)
	other := "../../evil.txt"
	extra = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(extra, 0x7075), uint16(5+len(other)))
	extra = append(binary.LittleEndian.AppendUint32(append(extra, 1), crc32.ChecksumIEEE([]byte("a.txt"))), other...)
	out, err := w.CreateHeader(&zip.FileHeader{Name: "a.txt", Extra: extra})
	if err != nil {
		panic(err)
	}
	io.WriteString(out, "hello")
	w.Close()
	return b.String()
}

func TestArchives(t *testing.T) {
	in := inspector(t, Config{MaxEntries: 10, MaxUnpackedBytes: 8 << 20, Types: []string{"application/zip",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document"}})
	ordinary := packed([2]string{"a/", ""}, [2]string{"a/b.txt", "hello"}, [2]string{"größe.txt", "x"}, [2]string{"a..b/..c", "x"})
	docx := packed([2]string{"[Content_Types].xml", "<Types/>"}, [2]string{"_rels/.rels", "<r/>"}, [2]string{"word/document.xml", "<w/>"})
	tests := []struct {
		name, filename, typ, content string
		want                         rule.ID
	}{
		{"ordinary", "a.zip", "application/zip", ordinary, ""},
		{"from-windows", "a.zip", "application/x-zip-compressed", ordinary, ""},
		{"stored", "a.zip", "application/zip", zipOf("a.txt", "hello"), ""},
		{"document", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx, ""},
		{"document-bomb", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
			packed([2]string{"[Content_Types].xml", "<Types/>"}, [2]string{"_rels/.rels", ""}, [2]string{"word/document.xml", strings.Repeat(" ", 5<<20)}), rule.UploadArchive},
		{"as-many-as-may-be", "a.zip", "application/zip", packed(many(10)...), ""},
		{"one-more", "a.zip", "application/zip", packed(many(11)...), rule.UploadArchive},
		{"high-ratio", "a.zip", "application/zip", packed([2]string{"a", strings.Repeat("a", 5<<20)}), rule.UploadArchive},
		{"high-ratio-but-small", "a.zip", "application/zip", packed([2]string{"a", strings.Repeat("a", 1<<20)}), ""},
		{"too-much", "a.zip", "application/zip", packed([2]string{"a", noise(2 << 20)}, [2]string{"b", strings.Repeat(noise(1<<20), 7)}), rule.UploadTooLarge},
		{"shared-content", "a.zip", "application/zip", twice(9), rule.UploadArchive},
		{"leads-out", "a.zip", "application/zip", packed([2]string{"../../etc/cron.d/x", "x"}), rule.UploadArchive},
		{"leads-out-further-in", "a.zip", "application/zip", packed([2]string{"a/../../x", "x"}), rule.UploadArchive},
		{"absolute", "a.zip", "application/zip", packed([2]string{"/etc/passwd", "x"}), rule.UploadArchive},
		{"of-windows", "a.zip", "application/zip", packed([2]string{`..\x`, "x"}), rule.UploadArchive},
		{"drive", "a.zip", "application/zip", packed([2]string{"c:x", "x"}), rule.UploadArchive},
		{"control-character", "a.zip", "application/zip", packed([2]string{"a\nb", "x"}), rule.UploadArchive},
		{"two-of-one-name", "a.zip", "application/zip", packed([2]string{"a", "x"}, [2]string{"a", "y"}), rule.UploadArchive},
		{"link", "a.zip", "application/zip", linked(), rule.UploadArchive},
		{"link-of-macos", "a.zip", "application/zip", patched(linked(), "PK\x01\x02", 5, 19), rule.UploadArchive},
		{"link-of-dos", "a.zip", "application/zip", patched(linked(), "PK\x01\x02", 5, 0), rule.UploadArchive},
		{"unlisted", "a.zip", "application/zip", unlisted("../../evil.txt"), rule.UploadMismatch},
		{"other-way-in-front", "a.zip", "application/zip", patched(zipOf("a.txt", "hello"), "PK\x03\x04", 8, 8), rule.UploadMismatch},
		{"other-size-in-front", "a.zip", "application/zip", patched(zipOf("a.txt", "hello"), "PK\x03\x04", 22, 99), rule.UploadMismatch},
		{"name-in-unicode", "a.zip", "application/zip", named("a.txt", "a.txt"), ""},
		{"another-name-in-unicode", "a.zip", "application/zip", named("a.txt", "../../evil.txt"), rule.UploadMismatch},
		{"another-end-in-its-comment", "a.zip", "application/zip", twoEnds(), rule.UploadMismatch},
		{"something-before", "a.zip", "application/zip", "PK\x03\x04" + ordinary, rule.UploadMismatch},
		{"something-behind", "a.zip", "application/zip", ordinary + "x", rule.UploadMismatch},
		{"cut", "a.zip", "application/zip", ordinary[:len(ordinary)-30], rule.UploadMismatch},
		{"two-names", "a.zip", "application/zip", strings.Replace(ordinary, "a/b.txt", "a/c.txt", 1), rule.UploadMismatch},
		{"program", "a.zip", "application/zip", exe + ordinary, rule.UploadDangerous},
		{"jar", "a.zip", "application/zip", zipOf("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"), rule.UploadDangerous},
		{"larger-format", "a.zip", "application/zip", largerFormat(0, 0), ""},
		{"larger-format-that-differs", "a.zip", "application/zip", largerFormat(24, 2), rule.UploadMismatch},
		{"larger-format-with-another-count", "a.zip", "application/zip", largerFormat(32, 2), rule.UploadMismatch},
		{"larger-format-with-another-start", "a.zip", "application/zip", largerFormat(48, 1), rule.UploadMismatch},
		{"larger-format-that-is-huge", "a.zip", "application/zip", largerFormat(55, 0xff), rule.UploadMismatch},
		{"larger-format-elsewhere", "a.zip", "application/zip", largerFormat(56+8, 0xff), rule.UploadMismatch},
		{"larger-format-without-its-record", "a.zip", "application/zip", largerFormat(3, 'x'), rule.UploadMismatch},
		{"another-name-behind-a-long-extra", "a.zip", "application/zip", longExtra(), rule.UploadMismatch},
		{"document-as-zip", "a.zip", "application/zip", docx, rule.UploadMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form, err := in.Read(request(part{"f", tt.filename, tt.typ, tt.content}), ReadOptions{})
			form.Close()
			if got := ruleOf(err); got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestClosedArchivesAreUnsafe(t *testing.T) {
	for _, typ := range []string{"application/gzip", "application/x-tar", "application/x-7z-compressed", "application/vnd.rar"} {
		if _, err := New(Config{Types: []string{typ}}); err == nil || !strings.Contains(err.Error(), "not looked into") {
			t.Errorf("%s: got %v", typ, err)
		}
		if _, err := New(Config{UnsafeTypes: []string{typ}}); err != nil {
			t.Errorf("%s as an unsafe type: %v", typ, err)
		}
	}
}

// object puts an object into a document.
func object(o string) string {
	return strings.Replace(pdf("1.7", ""), "xref\n", "9 0 obj\n"+o+"\nendobj\nxref\n", 1)
}

// objects are compressed, as PDF 1.5 has them.
func objects(o string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, o)
	w.Close()
	return object(fmt.Sprintf("<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\r\nstream\r\n%s\r\nendstream", b.Len(), b.String()))
}

// swallowing is an object stream whose data have no end: a stored block that is longer
// than the rest of the file.
func swallowing() string {
	return object("<< /Type /ObjStm /Filter /FlateDecode >>\nstream\n\x78\x01\x00\xff\xff\x00\x00 \nendstream")
}

func TestPDFActions(t *testing.T) {
	tests := []struct {
		name, content string
		want          bool
	}{
		{"plain", pdf("1.4", ""), false},
		{"script", object("<< /S /JavaScript /JS (app.alert(1)) >>"), true},
		{"script-by-reference", object("<< /S /Rendition /JS 7 0 R >>"), true},
		{"script-in-hex", object("<< /S/Rendition/JS<61> >>"), true},
		{"escaped-name", object("<< /S /J#61vaScri#70#74 >>"), true},
		{"all-escaped", object("<< /S /#4c#61#75#6e#63#68 /F (cmd.exe) >>"), true},
		{"launch", object("<< /S /Launch /F (cmd.exe) >>"), true},
		{"names", object("<< /Names << /JavaScript 3 0 R >> >>"), true},
		{"compressed-script", objects("9 0 << /S /JavaScript /JS (x) >>"), true},
		{"compressed-far", objects(strings.Repeat("<< /Type /Page >> ", 20_000) + "<< /S /JavaScript >>"), true},
		{"compressed-at-the-end", objects(strings.Repeat(" ", 4096-10) + "/S /Launch"), true},
		{"compressed-harmless", objects(strings.Repeat("<< /Type /Page /JSX 1 /Launcher 2 >> ", 1000)), false},
		{"bomb", objects(strings.Repeat(" ", 40<<20)), true},
		{"not-compressed", object("<< /Type /ObjStm >>\nstream\nnothing\nendstream"), false},
		{"in-another-filter", object("<< /Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode] >>\nstream\n789c\nendstream"), true},
		{"filter-first", object("<< /Filter /ASCIIHexDecode /Type /ObjStm >>\nstream\n2f4a53\nendstream"), true},
		{"filter-first-and-far", object(strings.Repeat("<< /Type /Page >> ", 500) + "<< /Filter /ASCIIHexDecode /Type /ObjStm >>\nstream\n2f4a53\nendstream"), true},
		{"far-from-its-type", object("<< /Type /ObjStm /X (" + strings.Repeat("x", 2000) + ") >>\nstream\nx\nendstream"), true},
		{"encrypted", object("<< /Type /ObjStm /Filter /FlateDecode >>\nstream\nxyz\nendstream") + "trailer << /Encrypt 5 0 R >>", true},
		{"word-before-the-stream", strings.Replace(objects("<< /S /JavaScript /JS (x) >>"), "/N 1", "/N 1 /X (stream)", 1), true},
		{"stream-that-swallows", strings.Replace(objects("<< /Type /Page >>"), "\nendstream", "", 1), false},
		{"swallowed", swallowing() + object("<< /S /JavaScript /JS (x) >>"), true},
		{"link", object("<< /S /URI /URI (https://shop.example/JS(1)) >>"), true}, // a text that looks like one is told of, too
		{"open-action", object("<< /OpenAction [3 0 R /Fit] >>"), false},
		{"other-names", object("<< /JSON (x) /JavaScripts 1 /Launched 2 /JS /Name >>"), false},
		{"comment-before-the-script", object("<< /S /Rendition /JS%\n(app.alert(1)) >>"), true},
		{"form-with-scripts", object("<< /AcroForm << /XFA [(a) 7 0 R] >> >>"), true},
		{"objects-without-a-type", strings.Replace(objects("9 0 << /S /JavaScript /JS (x) >>"), "/Type /ObjStm ", "", 1), true},
		{"objects-without-a-type-harmless", strings.Replace(objects("9 0 << /Type /Page >>"), "/Type /ObjStm ", "", 1), false},
		{"objects-of-another-type", strings.Replace(objects("9 0 << /S /JavaScript /JS (x) >>"), "/ObjStm", "/XObject", 1), true},
		{"objects-far-from-their-first", object("<< /N 1 /First 4 /X (" + strings.Repeat("x", 2000) + ") >>\nstream\nx\nendstream"), true},
		{"outlines", object("<< /Type /Outlines /First 12 0 R /Last 13 0 R /Count 2 >>") + objects("9 0 << /Type /Page >>"), false},
		{"noise", pdf("1.4", noise(1<<20)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := part{"f", "a.pdf", "application/pdf", tt.content}
			var noted []rule.ID
			form, err := inspector(t, Config{}).Read(request(p), ReadOptions{Note: func(e *problem.Error) { noted = append(noted, e.Rule) }})
			if err != nil {
				t.Fatal(err)
			}
			defer form.Close()
			if form.Files[0].Scripted != tt.want || (len(noted) == 1 && noted[0] == rule.UploadPDFScript) != tt.want {
				t.Errorf("scripted %v, noted %q; want %v", form.Files[0].Scripted, noted, tt.want)
			}
			want := rule.ID("")
			if tt.want {
				want = rule.UploadPDFScript
			}
			strict, err := inspector(t, Config{RefusePDFScripts: true}).Read(request(p), ReadOptions{})
			strict.Close()
			if got := ruleOf(err); got != want {
				t.Errorf("refused: got %q; want %q", got, want)
			}
			for _, size := range []int{37, 5000} {
				if got := walkInChunks(kindOf("application/pdf"), tt.content, size); got.scripted != tt.want {
					t.Errorf("%d at a time: scripted %v; want %v", size, got.scripted, tt.want)
				}
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	for _, s := range []string{packed(many(3)...), zipOf("a", "b"), twice(3), linked(), packed([2]string{"../a", "b"})} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v := newView(bytes.NewReader(b), int64(len(b)))
		defer v.close()
		a := lookZIP(v)
		if a.fault != "" || a.harm != "" || v.err != nil {
			return
		}
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var unpacked uint64
		for _, e := range r.File {
			unpacked += e.UncompressedSize64
			if strings.HasPrefix(e.Name, "/") || strings.Contains("/"+e.Name+"/", "/../") {
				t.Fatalf("an entry is %q", e.Name)
			}
		}
		if len(r.File) != a.entries || int64(unpacked) != a.unpacked {
			t.Fatalf("we read %d entries of %d bytes; Go reads %d of %d", a.entries, a.unpacked, len(r.File), unpacked)
		}
	})
}
