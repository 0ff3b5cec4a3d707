// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// delimiter is what stands between parts: CRLF, two hyphens, the boundary.
type delimiter struct {
	text []byte
	// first and second have a bit for each place, modulo eight, at which a byte is the
	// first or the second of a pair of neighbours in the text.
	first, second [256]uint8
}

func (d *delimiter) set(text string) {
	d.text = []byte(text)
	for i := range len(text) - 1 {
		bit := uint8(1) << (i % 8)
		d.first[text[i]] |= bit
		d.second[text[i+1]] |= bit
	}
}

// index is bytes.Index. Of a text of n bytes, n-1 pairs of neighbours lie next to each
// other, so that it is enough to look at every (n-1)th pair of b: where it is none of
// the text's, the text does not stand around it. Most content is skipped that way, and
// the worst is looked at twice.
func (d *delimiter) index(b []byte) int {
	n := len(d.text)
	step := n - 1
	i := step - 1
	for {
		for ; i+3*step+1 < len(b); i += 4 * step {
			near := d.first[b[i]]&d.second[b[i+1]] |
				d.first[b[i+step]]&d.second[b[i+step+1]] |
				d.first[b[i+2*step]]&d.second[b[i+2*step+1]] |
				d.first[b[i+3*step]]&d.second[b[i+3*step+1]]
			if near != 0 {
				break
			}
		}
		for range 4 {
			if i+1 >= len(b) {
				return -1
			}
			if d.first[b[i]]&d.second[b[i+1]] != 0 {
				from := i - step + 1
				if k := bytes.Index(b[from:min(i+n, len(b))], d.text); k >= 0 {
					return from + k
				}
			}
			i += step
		}
	}
}

const (
	smallBuffer = 20 << 10 // holds part headers and the longest boundary
	largeBuffer = 256 << 10
	mostLarge   = 32 // in the process
	fastReads   = 16 // that fill the small one show that a large one would be filled, too
)

// readBuffer is lent to one reader at a time.
type readBuffer struct{ b []byte }

var (
	smallBuffers = sync.Pool{New: func() any { return &readBuffer{make([]byte, smallBuffer)} }}
	largeKept    = make(chan *readBuffer, 8) // across collections of garbage
	largeLent    atomic.Int64
)

func newReadBuffer() *readBuffer { return smallBuffers.Get().(*readBuffer) }

// newLargeBuffer lends a large buffer, or nil when as many are lent as may be.
func newLargeBuffer() *readBuffer {
	if largeLent.Add(1) > mostLarge {
		largeLent.Add(-1)
		return nil
	}
	select {
	case b := <-largeKept:
		return b
	default:
		return &readBuffer{make([]byte, largeBuffer)}
	}
}

func (b *readBuffer) large() bool { return len(b.b) == largeBuffer }

func (b *readBuffer) free() {
	if !b.large() {
		smallBuffers.Put(b)
		return
	}
	largeLent.Add(-1)
	select {
	case largeKept <- b:
	default:
	}
}
