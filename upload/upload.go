// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package upload takes files only as far as they are what they claim to be
// (mistake 6).
//
// # Threat
//
// An app that stores whatever arrives is filled up by one 10 GB request, serves
// an attacker's HTML or SVG from its own origin, or runs an attacker's PHP. The
// Content-Type of a part and the extension of its name are what the client
// wrote; common multipart parsers do not even agree on which parts are files
// (CVE-2022-24434, CVE-2025-46653, and the seven of multer since 2025 are all
// about such bodies).
//
// # What it does
//
// [Inspector.Read] reads a multipart form once, with the strict reader of
// package inspect, and judges each file:
//
//   - upload/too-large (413), upload/too-many (400): bytes per file, field and
//     request, number of files and fields. A limit that is hit ends the reading
//     at once; a Content-Length above it is refused before the first byte.
//   - request/aborted (408): a client that sends nothing for too long, or less than
//     500 bytes a second on the whole. A whole upload may take as long as it likes.
//   - upload/dangerous (415): executables, scripts and active content (HTML,
//     SVG, XML, PHP …), by what the content is and by any extension in the name.
//   - upload/polyglot (415): a picture or PDF with a script in its metadata or
//     with a script, archive or program behind its end.
//   - upload/mismatch (415): the content is not whole, or the type found in it,
//     the declared type and the extension do not agree. A part without a
//     Content-Type declares none, which is no disagreement; one that says
//     application/octet-stream does disagree with a picture.
//   - upload/type (415): the type is not on the list.
//   - upload/pixels (413): a picture that would decode to more pixels than
//     allowed.
//   - upload/archive (415): a ZIP archive, or an office file, with more entries or
//     bytes than allowed, a ratio above 100, entries that share their content or
//     their name, links, or names that lead out of the directory it is unpacked to.
//     Types that are archives otherwise, and pictures of which the structure is not
//     known here, must be named under Config.UnsafeTypes.
//   - upload/pdf-script (415, or told of): a PDF with actions that run JavaScript
//     or start a program, also in compressed objects, or with an XFA form.
//   - upload/trailing (told of): a picture with something behind its end that is no
//     script, archive or program: phones put videos there.
//   - upload/virus (415): what ClamAV finds, where Config.Clamd names it.
//     upload/unscanned (503) while it does not answer, unless that is allowed.
//   - upload/name (400): path separators, control characters, bidirectional
//     overrides, reserved names, more than 255 bytes.
//
// Each is a violation of its own that [ReadOptions.Judge] may let pass; a
// dangerous file is judged as dangerous before it is judged as anything less.
// What the strict reader refuses (request/…) cannot be let pass, since there is
// no one way to read it.
//
// What passed is written anew into a [Form]: one name, one plain filename, one
// Content-Type per part, and a boundary that no client can know. The app behind
// reads that form and so can only read what was judged.
//
// A guard in front of an app calls [Inspector.Forward]. Forms of up to 10 MB are
// held and judged whole before a byte goes on. Larger ones, or all of a route,
// stream (Config.Delivery): the head of each file is held back until its type is
// known, every field until it is judged, and a violation that shows later breaks
// the form off before its end, so that no parser takes it for whole. An app that
// handles files as they come has then seen the first part of one that was
// refused: it must not keep what breaks off.
//
// For Go apps, [Inspector.Handler] puts the form in the request's place and in
// its context, and [Receive] moves its files into a [Store], such as a [Dir]:
// random names, the extension of the detected type, nothing of the client's
// name in a path. [Dir.Handler] serves them back where they can do no harm.
//
// # What it does not do
//
// It unpacks no archives and knows of their sizes what they state. It sees nothing
// in encrypted PDFs, and leaves metadata such as a place in pictures unless
// Config.Reencode is set. It cannot see a script in the pixels themselves: serve
// uploads with nosniff, from another origin where you can.
//
// A part with a Content-Type but no filename (curl -F 'a={};type=application/json')
// is a file to formidable and a field to others, so it is held to both: counted
// and judged as a file, bounded and shown to [ReadOptions.Field] as a field.
// Having no extension it agrees with no type and is refused as upload/mismatch
// or upload/type unless Judge lets it pass. A file that is declared as JSON is
// judged as a file and shown to [ReadOptions.JSON] besides: hapi makes an object of it.
//
// # Bounds
//
// A reading holds 20 KiB of buffer, 256 KiB while the body comes as fast as it is
// read, which at most 32 do at a time, and as much of a form in memory as the others leave:
// all together at most 8 MiB, then temporary files (mode 0600, unlinked
// while open) of at most 4 GiB together. Beyond that it answers request/busy
// (503). A form has at most MaxBytes, and never more than 1 GiB, even where
// Judge lets upload/too-large pass. Judging a file is linear in its size and
// reads it at most three times, once where it streams. A walk over a file holds
// 16 KiB, and over a PDF another 50 KiB while it looks into compressed objects.
// Of a PDF at most 32 MiB of compressed objects are looked through, of an archive
// 65534 entries. Eight files are scanned, two pictures encoded anew and two files
// of JSON read at a time.
package upload

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/spool"
)

// Config bounds the uploads of one route. The zero value is the article's: one
// file of 5 MB, a JPEG, PNG, WebP or PDF.
type Config struct {
	// MaxFileBytes is how large one file may be. Default 5 MB, at most 1 GB.
	MaxFileBytes int64 `yaml:"max_file_bytes,size" doc:"bytes per file, 5MB by default"`
	// MaxFiles is how many files one request may carry. Default 1, at most 1000.
	MaxFiles int `yaml:"max_files" doc:"files per request, 1 by default"`
	// MaxFields is how many other fields it may carry. Default 100, at most 1000.
	MaxFields int `yaml:"max_fields" doc:"other fields per request, 100 by default"`
	// MaxFieldBytes is how large one other field may be. Default 100 KB, at most 10 MB.
	MaxFieldBytes int64 `yaml:"max_field_bytes,size" doc:"bytes per field, 100KB by default"`
	// MaxBytes is how large the whole body may be. Default: MaxFiles times
	// MaxFileBytes, and 1 MB for the fields and the framing. At most 1 GB.
	MaxBytes int64 `yaml:"max_bytes,size" doc:"bytes of the whole body; by default what the files may have and 1MB"`
	// MaxPixels is how many pixels a picture may have, width times height.
	// Default 100 million.
	MaxPixels int64 `yaml:"max_pixels" doc:"width times height of a picture, 100000000 by default"`
	// RefusePDFScripts refuses PDFs with actions that run JavaScript or start a
	// program. Without it they pass, as forms with calculated fields are made so,
	// and are told of in the log.
	RefusePDFScripts bool `yaml:"refuse_pdf_scripts" doc:"refuse PDFs that run scripts or start programs, instead of only telling of them"`
	// MaxEntries is how many entries an archive may have. Default 1000, at most
	// 65534.
	MaxEntries int `yaml:"max_entries" doc:"entries of an archive, 1000 by default"`
	// MaxUnpackedBytes is how large an archive's entries may be together, as it
	// states. Default 100 MB, at most 100 GB. They may never be more than 100
	// times as large as the archive, beyond 1 MB.
	MaxUnpackedBytes int64 `yaml:"max_unpacked_bytes,size" doc:"bytes of an archive's entries together, 100MB by default"`
	// Idle is how long the client may send nothing. Default 30 s, at most 10
	// minutes. A guard has a bound of its own besides.
	Idle time.Duration `yaml:"idle" doc:"how long the client may send nothing, 30s by default"`
	// MinRate is how many bytes the body must bring for each second that is waited
	// for it, on the whole, after the first 10 seconds. Default 500. There is no
	// limit on the time of a whole upload.
	MinRate int64 `yaml:"min_rate,size" doc:"bytes that the body must bring for each second, 500 by default"`
	// Types are the media types that a file may have, told by its content.
	// Default image/jpeg, image/png, image/webp, application/pdf.
	Types []string `yaml:"types" doc:"media types by content; JPEG, PNG, WebP and PDF by default"`
	// UnsafeTypes are types allowed besides, that Types does not take: active
	// content such as image/svg+xml, text/html or application/xml, programs, or
	// application/octet-stream for content of no known type. Files of these
	// types must never be served from the app's own origin.
	UnsafeTypes []string `yaml:"unsafe_types" doc:"types allowed besides that can run code, such as image/svg+xml"`
	// Reencode decodes each JPEG and PNG and encodes it anew, so that nothing but
	// its pixels goes on: no place, no thumbnail, no comment; an animated PNG keeps
	// its first picture. Other types of pictures cannot be allowed with it. Two
	// pictures in the process are encoded at a time, with up to 24 bytes of
	// memory a pixel: MaxPixels is 25 million by default then, and at most 50.
	Reencode bool `yaml:"reencode" doc:"encode JPEG and PNG anew, which drops their metadata"`
	// Clamd has each file scanned by ClamAV, as the last of all checks.
	Clamd ClamdConfig `yaml:"clamd" doc:"ClamAV's clamd, which scans each file"`
	// Scanner scans each file instead of clamd. When it fails, Clamd.WhenDown
	// says what to do.
	Scanner Scanner `yaml:"-"`
	// Delivery is how a form goes on through a guard. Without it forms of up to
	// 10 MB are held and judged whole before the app sees a byte, and larger
	// ones stream: see [Inspector.Forward]. A Go app's forms are always held.
	Delivery Delivery `yaml:"delivery" doc:"spool holds each form until it is judged, stream none; without it those of up to 10MB are held"`
}

// Delivery is how a form goes on to another server.
type Delivery string

// The deliveries.
const (
	Spool    Delivery = "spool"
	Streamed Delivery = "stream"
)

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	gigabyte = 1 << 30

	// fieldAllowance is what MaxBytes has room for beside files by default.
	fieldAllowance = megabyte
	// hardBytes bounds a form whatever the mode.
	hardBytes = gigabyte
)

var defaultTypes = []string{"image/jpeg", "image/png", "image/webp", "application/pdf"}

// WithDefaults returns the configuration with every default spelled out.
func (c Config) WithDefaults() Config {
	defaultTo(&c.MaxFileBytes, 5*megabyte)
	defaultTo(&c.MaxFiles, 1)
	defaultTo(&c.MaxFields, 100)
	defaultTo(&c.MaxFieldBytes, 100*kilobyte)
	if c.Reencode {
		defaultTo(&c.MaxPixels, reencodedPixels)
	}
	defaultTo(&c.MaxPixels, 100_000_000)
	defaultTo(&c.MaxEntries, 1000)
	defaultTo(&c.MinRate, 500)
	if c.Idle == 0 {
		c.Idle = 30 * time.Second
	}
	defaultTo(&c.MaxUnpackedBytes, 100*megabyte)
	if c.MaxBytes == 0 {
		c.MaxBytes = hardBytes
		if files := int64(max(c.MaxFiles, 1)); c.MaxFileBytes < (hardBytes-fieldAllowance)/files {
			c.MaxBytes = files*c.MaxFileBytes + fieldAllowance
		}
	}
	if len(c.Types) == 0 {
		c.Types = slices.Clone(defaultTypes)
		if c.Reencode {
			c.Types = []string{"image/jpeg", "image/png", "application/pdf"}
		}
	}
	return c
}

func defaultTo[T int | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Inspector judges uploads by one Config. It is safe for concurrent use.
type Inspector struct {
	cfg     Config
	types   typeList
	budget  *spool.Budget
	scanner Scanner // nil for none
	now     func() time.Time
}

// New checks the configuration and compiles it.
func New(cfg Config) (*Inspector, error) {
	cfg = cfg.WithDefaults()
	var faults fault.List
	within(&faults, "max_file_bytes", cfg.MaxFileBytes, gigabyte)
	within(&faults, "max_files", int64(cfg.MaxFiles), 1000)
	within(&faults, "max_fields", int64(cfg.MaxFields), 1000)
	within(&faults, "max_field_bytes", cfg.MaxFieldBytes, 10*megabyte)
	within(&faults, "max_bytes", cfg.MaxBytes, hardBytes)
	within(&faults, "max_pixels", cfg.MaxPixels, 1<<40)
	within(&faults, "min_rate", cfg.MinRate, gigabyte)
	if cfg.Idle < time.Millisecond || cfg.Idle > 10*time.Minute {
		faults.Addf("idle", "up to 10m; leave it out for 30s", "%s is out of range", cfg.Idle)
	}
	within(&faults, "max_entries", int64(cfg.MaxEntries), zipEntries)
	within(&faults, "max_unpacked_bytes", cfg.MaxUnpackedBytes, 100*gigabyte)
	if cfg.MaxBytes > 0 && cfg.MaxBytes < cfg.MaxFileBytes {
		faults.Add("max_bytes", "less than max_file_bytes, so that no file of that size would pass", "leave it out, or write the sum of all files")
	}
	if cfg.Reencode && cfg.MaxPixels > mostReencoded {
		faults.Addf("max_pixels", fmt.Sprintf("at most %d with reencode", mostReencoded), "%d take too much memory to decode", cfg.MaxPixels)
	}
	switch cfg.Delivery {
	case "", Spool, Streamed:
	default:
		faults.Addf("delivery", "spool, stream, or leave it out", "%q is neither", cfg.Delivery)
	}
	t := &Inspector{cfg: cfg, budget: spool.Shared, scanner: cfg.Scanner, now: time.Now}
	t.connect(&faults)
	t.types.compile(&faults, cfg)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// connect makes ready what scans.
func (t *Inspector) connect(faults *fault.List) {
	c := &t.cfg.Clamd
	switch c.WhenDown {
	case "", Refuse, Allow:
	default:
		faults.Addf("clamd.when_down", "refuse or allow", "%q is neither", c.WhenDown)
	}
	if c.Timeout < 0 || c.Timeout > 10*time.Minute {
		faults.Addf("clamd.timeout", "from 1s to 10m; leave it out for 30s", "%s is out of range", c.Timeout)
	}
	if c.Address == "" || t.scanner != nil {
		return
	}
	scanner, err := NewClamd(*c)
	if err != nil {
		faults.Add("clamd.address", strings.TrimPrefix(err.Error(), "upload: "), "127.0.0.1:3310, or unix:/run/clamav/clamd.ctl")
		return
	}
	t.scanner = scanner
}

func within(faults *fault.List, path string, v, limit int64) {
	if v < 1 || v > limit {
		faults.Addf(path, fmt.Sprintf("from 1 to %d; leave it out for the default", limit), "%d is out of range", v)
	}
}

// Config is the configuration in use, defaults spelled out.
func (t *Inspector) Config() Config {
	c := t.cfg
	c.Types, c.UnsafeTypes = slices.Clone(c.Types), slices.Clone(c.UnsafeTypes)
	return c
}

// UnsafeSettings names what weakens this configuration, for the log.
func (t *Inspector) UnsafeSettings() []string {
	var unsafe []string
	if len(t.cfg.UnsafeTypes) > 0 {
		unsafe = append(unsafe, "unsafe_types: "+strings.Join(t.cfg.UnsafeTypes, ", "))
	}
	if t.scanner != nil && t.cfg.Clamd.WhenDown == Allow {
		unsafe = append(unsafe, "clamd.when_down: allow")
	}
	return unsafe
}
