// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package spool holds request bodies until they are judged.
//
// A [Spool] stays in memory as long as the [Budget] that all spools share has room, beyond
// its first 256 KiB only while a quarter of that is free for others; then it moves to
// one temporary file, which is unlinked as soon as it is open where the system allows that. Memory and disk
// of all spools together are bounded by the budget; a spool that would go over
// it fails with [ErrFull], and nobody else is affected.
package spool

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

const (
	chunkSize = 32 << 10
	maxChunks = 8 // 256 KiB, beyond which others come first
)

// ErrFull says that the disk part of the budget is used up.
var ErrFull = errors.New("spool: the disk budget is used up")

// Budget bounds what all its spools hold at one time.
type Budget struct {
	dir          string
	memory, disk int64 // the bounds, in bytes

	usedMemory, usedDisk atomic.Int64
}

// NewBudget returns a budget of so many bytes of memory and of disk. Temporary
// files go to dir; "" is os.TempDir.
func NewBudget(dir string, memory, disk int64) *Budget {
	return &Budget{dir: dir, memory: memory, disk: disk}
}

// Shared is the budget of the whole process: 8 MiB of memory and 4 GiB of
// disk, in the system's directory for temporary files.
var Shared = NewBudget("", 8<<20, 4<<30)

// Used is how much memory and disk the spools hold now, in bytes.
func (b *Budget) Used() (memory, disk int64) {
	return b.usedMemory.Load(), b.usedDisk.Load()
}

func reserve(used *atomic.Int64, n, limit int64) bool {
	if used.Add(n) > limit {
		used.Add(-n)
		return false
	}
	return true
}

// more reserves a further chunk of memory for a spool that has so many.
func (b *Budget) more(has int) bool {
	room := b.memory
	if has >= maxChunks {
		room -= room / 4
	}
	return reserve(&b.usedMemory, chunkSize, room)
}

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// Spool is one body. Writes come from one goroutine and end before the first
// read; reads may then be concurrent, also with Close.
type Spool struct {
	budget *Budget

	mu     sync.RWMutex // guards what follows against Close
	size   int64
	chunks []*[chunkSize]byte
	file   *os.File
	remove string // the file's name where it could not be unlinked while open
	closed bool
	failed error // of every later Write
}

// New returns an empty spool.
func (b *Budget) New() *Spool { return &Spool{budget: b} }

// Size is how much was written, in bytes.
func (s *Spool) Size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size
}

// Write appends p. An error is ErrFull or one of the temporary file, and stays.
func (s *Spool) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	if s.failed != nil {
		return 0, s.failed
	}
	defer func() { s.failed = err }()
	for s.file == nil && len(p) > 0 {
		used := int(s.size % chunkSize)
		if used == 0 && !s.budget.more(len(s.chunks)) {
			if err := s.spill(); err != nil {
				return n, err
			}
			break
		}
		if used == 0 {
			s.chunks = append(s.chunks, chunks.Get().(*[chunkSize]byte))
		}
		k := copy(s.chunks[len(s.chunks)-1][used:], p)
		p, n, s.size = p[k:], n+k, s.size+int64(k)
	}
	if len(p) == 0 {
		return n, nil
	}
	k, err := s.writeFile(p)
	n += k
	return n, err
}

// spill moves what is held in memory to a temporary file.
func (s *Spool) spill() error {
	f, err := os.CreateTemp(s.budget.dir, "panoply-") // mode 0600
	if err != nil {
		return err
	}
	if os.Remove(f.Name()) != nil { // an open file cannot be unlinked on Windows
		s.remove = f.Name()
	}
	s.file = f
	held, size := s.chunks, s.size
	s.chunks, s.size = nil, 0
	for _, c := range held {
		if err == nil {
			_, err = s.writeFile(c[:min(size-s.size, chunkSize)])
		}
		s.free(c)
	}
	return err
}

func (s *Spool) free(c *[chunkSize]byte) {
	chunks.Put(c)
	s.budget.usedMemory.Add(-chunkSize)
}

func (s *Spool) writeFile(p []byte) (int, error) {
	if !reserve(&s.budget.usedDisk, int64(len(p)), s.budget.disk) {
		return 0, ErrFull
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	s.budget.usedDisk.Add(int64(n - len(p)))
	return n, err
}

// ReadAt reads what was written; after Close it fails with os.ErrClosed.
func (s *Spool) ReadAt(p []byte, off int64) (n int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return 0, os.ErrClosed
	case off < 0:
		return 0, errors.New("spool: negative offset")
	case off >= s.size:
		return 0, io.EOF
	case s.file != nil:
		return s.file.ReadAt(p, off)
	}
	for n < len(p) && off < s.size {
		c := s.chunks[off/chunkSize]
		from := off % chunkSize
		k := copy(p[n:], c[from:min(chunkSize, from+s.size-off)])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Section is a reader of n bytes from off on.
func (s *Spool) Section(off, n int64) *io.SectionReader {
	return io.NewSectionReader(s, off, n)
}

// Close gives memory and disk back. It may be called more than once.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, c := range s.chunks {
		s.free(c)
	}
	s.chunks = nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.remove != "" {
		err = errors.Join(err, os.Remove(s.remove))
	}
	s.budget.usedDisk.Add(-s.size)
	return err
}
