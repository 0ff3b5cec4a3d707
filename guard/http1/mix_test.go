// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
)

// moody answers requests with what they ask for, in one of the ways that servers have, and
// misbehaves after some of them. What it says too much comes at once: later than a connection
// was used again, no reader of HTTP/1.1 could tell it from the answer.
func moody(_ int, c net.Conn, in *bufio.Reader) {
	rough := rand.New(rand.NewPCG(1, uint64(c.RemoteAddr().(*net.TCPAddr).Port)))
	for {
		what, ok := request(in)
		if !ok {
			return
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(what[strings.IndexByte(what, ' ')+1:], "/"), " ")
		switch rough.IntN(12) {
		case 0: // nothing at all
			return
		case 1:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"+id)
			return
		case 2:
			io.WriteString(c, answerOf(id)+answerOf("for nobody"))
		case 4:
			io.WriteString(c, answerOf(id))
			return
		case 5:
			fmt.Fprintf(c, "HTTP/1.1 103 Early Hints\r\n\r\n%s", answerOf(id))
		case 6, 7:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(id), id)
			io.WriteString(c, "0\r\n\r\n")
		case 8:
			io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n"+id)
			return
		default:
			io.WriteString(c, answerOf(id))
		}
	}
}

// Whatever servers and clients do, nobody gets another one's answer: it is one's own,
// or an error.
func TestAnswersNeverMix(t *testing.T) {
	p := serve(t, moody)
	var all sync.WaitGroup
	var mu sync.Mutex
	whole, broken := 0, 0
	for i := range 16 {
		all.Go(func() {
			rough := rand.New(rand.NewPCG(2, uint64(i)))
			for n := range 150 {
				id := fmt.Sprintf("%d-%d", i, n)
				ctx, cancel := context.WithCancel(t.Context())
				r := newRequest(t, "GET", "/"+id, nil)
				switch rough.IntN(4) {
				case 0:
					r = newRequest(t, "POST", "/"+id, strings.NewReader("x"))
				case 1:
					r = newRequest(t, "PUT", "/"+id, unknown(strings.Repeat("x", rough.IntN(100_000)+1)))
					r.ContentLength = -1
				}
				impatient := rough.IntN(10) == 0
				if impatient {
					go cancel()
				}
				got := p.hear(r.WithContext(ctx))
				cancel()
				mu.Lock()
				if got.err != nil || got.broken != nil {
					broken++
				} else if whole++; got.body != id {
					t.Errorf("%s got %q", id, got.body)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if whole < 1000 || broken < 100 {
		t.Errorf("%d answers came, %d did not: the test tries too little", whole, broken)
	}
}
