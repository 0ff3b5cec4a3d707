// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// accepted connects to a listener under p and returns both ends.
func accepted(t *testing.T, p *ProxyProtocol) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err = p.Listen(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func proxied(t *testing.T, peers ...string) *ProxyProtocol {
	t.Helper()
	p, err := NewProxyProtocol(peers)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProxyProtocolNamesTheClient(t *testing.T) {
	near, far := accepted(t, proxied(t, "127.0.0.0/8"))
	io.WriteString(far, "PROXY TCP4 198.51.100.1 192.0.2.1 4711 443\r\nhello")
	if got := near.RemoteAddr().String(); got != "198.51.100.1:4711" {
		t.Errorf("got %s; want 198.51.100.1:4711", got)
	}
	far.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(near); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v; want hello", got, err)
	}
	if err := near.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(far); len(got) != 0 || err != nil {
		t.Errorf("the far end got %q, %v; want the end", got, err)
	}
}

// A peer that is not listed is its own client, whatever it sends, and its
// connection is the one that the system gave.
func TestProxyProtocolOfAStranger(t *testing.T) {
	near, far := accepted(t, proxied(t, "10.0.0.0/8", "unix"))
	const header = "PROXY TCP4 198.51.100.1 192.0.2.1 4711 443\r\n"
	io.WriteString(far, header)
	far.Close()
	if _, ok := near.(*net.TCPConn); !ok || near.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("got %T of %v; want the plain connection of %v", near, near.RemoteAddr(), far.LocalAddr())
	}
	if got, _ := io.ReadAll(near); string(got) != header {
		t.Errorf("got %q", got)
	}
}

// A listed peer must send a header, and soon.
func TestProxyProtocolIsRequired(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		leaves     bool
		told       int32
	}{
		{"none", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, 1},
		{"half", "PROXY TCP4 198.51", false, 1},
		{"half-and-gone", "PROXY TCP4 198.51", true, 1},
		{"silence", "", false, 1},
		{"a-health-check", "", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var told atomic.Int32
			p := proxied(t, "127.0.0.1")
			p.Timeout = 50 * time.Millisecond
			p.Failed = func(net.Addr, error) { told.Add(1) }
			near, far := accepted(t, p)
			near.SetReadDeadline(time.Now().Add(time.Hour)) // the header's own is not moved
			io.WriteString(far, tt.sent)
			if tt.leaves {
				far.Close()
			}
			n, err := near.Read(make([]byte, 64))
			var op *net.OpError
			if n != 0 || !errors.As(err, &op) || op.Op != "read" {
				t.Errorf("got %d bytes, %v; want a read error", n, err)
			}
			if got := near.RemoteAddr().String(); got != far.LocalAddr().String() {
				t.Errorf("it is %s; want the peer, %s", got, far.LocalAddr())
			}
			if told.Load() != tt.told {
				t.Errorf("told of %d failures; want %d", told.Load(), tt.told)
			}
			if !tt.leaves {
				far.SetReadDeadline(time.Now().Add(patience))
				if got, err := io.ReadAll(far); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the far end got %q, %v; want a closed connection", got, err)
				}
			}
		})
	}
}

// Accept does not wait for a header: a silent peer holds nobody up.
func TestProxyProtocolAcceptsAtOnce(t *testing.T) {
	accepted(t, proxied(t, "127.0.0.1")) // returns though nothing was sent
}

// The deadline that the connection's user set is the one that holds when the
// header has been read.
func TestProxyProtocolRestoresTheDeadline(t *testing.T) {
	for name, deadline := range map[string]time.Time{"none": {}, "past": time.Unix(1, 0), "far": time.Now().Add(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			p := proxied(t, "127.0.0.1")
			p.Timeout = 100 * time.Millisecond
			near, far := accepted(t, p)
			near.SetDeadline(deadline)
			io.WriteString(far, "PROXY UNKNOWN\r\n")
			if near.RemoteAddr().String() != far.LocalAddr().String() {
				t.Errorf("got %v", near.RemoteAddr())
			}
			late := time.AfterFunc(3*p.Timeout, func() { io.WriteString(far, "x") })
			defer late.Stop()
			_, err := near.Read(make([]byte, 1))
			if want := name == "past"; errors.Is(err, os.ErrDeadlineExceeded) != want || !want && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestProxyProtocolRefusesStrangers(t *testing.T) {
	_, err := NewProxyProtocol([]string{"10.0.0.0/8", "0.0.0.0/0", "0.0.0.0/1", "elb"})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, path := range []string{"proxy_protocol[1]:", "[2]:", "[3]:"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not reported:\n%v", path, err)
		}
	}
}
