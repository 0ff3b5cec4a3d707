// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
)

func content(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("the directory holds %v, %v; want nothing", entries, err)
	}
}

func TestSpoolGivesBackWhatWasWritten(t *testing.T) {
	for _, tt := range []struct {
		name       string
		size, step int
		disk       bool
	}{
		{"nothing", 0, 1, false},
		{"one-byte", 1, 1, false},
		{"small-steps", 100_000, 7, false},
		{"one-chunk", chunkSize, chunkSize, false},
		{"beyond-its-share", 3 * maxChunks * chunkSize, 1000, false}, // of four, one of which is for others
		{"one-more-byte", 3*maxChunks*chunkSize + 1, 1000, true},
		{"one-big-write", 1 << 20, 1 << 20, true},
		{"large", 3 << 20, 30_000, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			b := NewBudget(dir, 1<<20, 1<<30)
			s := b.New()
			want := content(tt.size)
			for rest := want; len(rest) > 0; {
				n, err := s.Write(rest[:min(tt.step, len(rest))])
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			memory, disk := b.Used()
			if (disk > 0) != tt.disk || tt.disk && (memory != 0 || disk != int64(tt.size)) {
				t.Errorf("%d bytes of memory and %d of disk; want disk %v", memory, disk, tt.disk)
			}
			if s.Size() != int64(tt.size) {
				t.Errorf("size %d; want %d", s.Size(), tt.size)
			}
			got, err := io.ReadAll(s.Section(0, s.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %d bytes, %v; want the %d written", len(got), err, len(want))
			}
			if tt.size > 2 {
				half := make([]byte, tt.size/2)
				if _, err := s.ReadAt(half, 1); err != nil || !bytes.Equal(half, want[1:1+len(half)]) {
					t.Errorf("ReadAt from 1: %v", err)
				}
				if n, err := s.ReadAt(half, int64(tt.size-1)); n != 1 || err != io.EOF {
					t.Errorf("ReadAt over the end: %d, %v; want 1, EOF", n, err)
				}
			}
			if n, err := s.ReadAt(make([]byte, 1), s.Size()); n != 0 || err != io.EOF {
				t.Errorf("ReadAt at the end: %d, %v; want 0, EOF", n, err)
			}
			if _, err := s.ReadAt(make([]byte, 1), -1); err == nil {
				t.Error("ReadAt before the start: no error")
			}
			for range 2 {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if memory, disk := b.Used(); memory != 0 || disk != 0 {
				t.Errorf("after Close: %d bytes of memory and %d of disk are held", memory, disk)
			}
			if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
				t.Errorf("ReadAt after Close: %v", err)
			}
			if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Write after Close: %v", err)
			}
			empty(t, dir)
		})
	}
}

func TestOthersComeFirst(t *testing.T) {
	b := NewBudget(t.TempDir(), 1<<20, 1<<30)
	large, small, late := b.New(), b.New(), b.New()
	for _, s := range []*Spool{large, small, late} {
		defer s.Close()
	}
	write := func(s *Spool, n int) {
		t.Helper()
		if _, err := s.Write(content(n)); err != nil {
			t.Fatal(err)
		}
	}
	write(large, 3*maxChunks*chunkSize)
	write(small, maxChunks*chunkSize)
	if memory, disk := b.Used(); memory != 1<<20 || disk != 0 {
		t.Errorf("%d bytes of memory and %d of disk; want all memory and no disk", memory, disk)
	}
	write(late, 1)
	write(large, 1)
	if memory, disk := b.Used(); memory != maxChunks*chunkSize || disk != 3*maxChunks*chunkSize+2 {
		t.Errorf("%d bytes of memory and %d of disk", memory, disk)
	}
}

func TestSpoolFileIsUnlinkedAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := NewBudget(dir, 0, 1<<20).New()
	defer s.Close()
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if s.remove != "" {
		t.Skip("an open file cannot be unlinked here")
	}
	empty(t, dir)
}

func TestBudgetIsShared(t *testing.T) {
	b := NewBudget(t.TempDir(), 2*chunkSize, 100_000)
	one, two := b.New(), b.New()
	defer two.Close()
	if _, err := one.Write(content(2 * chunkSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Write(content(100_000)); err != nil {
		t.Fatal(err)
	}
	if memory, disk := b.Used(); memory != 2*chunkSize || disk != 100_000 {
		t.Fatalf("%d bytes of memory and %d of disk; want %d and 100000", memory, disk, 2*chunkSize)
	}
	if _, err := two.Write([]byte("x")); !errors.Is(err, ErrFull) {
		t.Errorf("over the disk budget: %v; want ErrFull", err)
	}
	if _, err := one.Write([]byte("x")); !errors.Is(err, ErrFull) {
		t.Errorf("spilling over the disk budget: %v; want ErrFull", err)
	}
	if _, err := one.Write(nil); !errors.Is(err, ErrFull) {
		t.Errorf("after an error: %v; want ErrFull", err)
	}
	one.Close()
	if memory, disk := b.Used(); memory != 0 || disk != 100_000 {
		t.Errorf("%d bytes of memory and %d of disk; want 0 and 100000", memory, disk)
	}
}

func TestSpoolWithoutDirectory(t *testing.T) {
	s := NewBudget(t.TempDir()+"/missing", 0, 1<<20).New()
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("no error without a directory")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolReadsBesideClose(t *testing.T) {
	for _, size := range []int{100_000, 400_000} {
		b := NewBudget(t.TempDir(), 1<<20, 1<<20)
		s := b.New()
		want := content(size)
		s.Write(want)
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				got, err := io.ReadAll(s.Section(0, int64(size)))
				if err != nil && !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
				if !bytes.Equal(got, want[:len(got)]) {
					t.Error("read what was not written")
				}
			})
		}
		s.Close()
		readers.Wait()
	}
}
