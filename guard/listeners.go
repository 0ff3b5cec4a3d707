// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net"
	"strings"
	"sync"
)

// maxListeners is how many addresses a policy may name.
const maxListeners = 16

// listenAt listens on each of the addresses, or on none.
func listenAt(addrs []string) (net.Listener, error) {
	var all []net.Listener
	for _, addr := range addrs {
		l, err := listenOn(addr)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, l)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return join(all), nil
}

// joined is several listeners, whose connections come from one.
type joined struct {
	all    []net.Listener
	came   chan accepted
	closed chan struct{}
	once   sync.Once
	ends   sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

func join(all []net.Listener) *joined {
	j := &joined{all: all, came: make(chan accepted), closed: make(chan struct{})}
	for _, l := range all {
		j.ends.Go(func() {
			for {
				c, err := l.Accept()
				select {
				case j.came <- accepted{c, err}:
				case <-j.closed:
					if c != nil {
						c.Close()
					}
					return
				}
			}
		})
	}
	return j
}

// Accept gives the next connection of any, or the error of any: whoever serves decides
// whether to go on, as with a single listener.
func (j *joined) Accept() (net.Conn, error) {
	select {
	case <-j.closed:
		return nil, net.ErrClosed
	case a := <-j.came:
		return a.conn, a.err
	}
}

func (j *joined) Close() (err error) {
	j.once.Do(func() {
		close(j.closed)
		for _, l := range j.all {
			if e := l.Close(); err == nil {
				err = e
			}
		}
		j.ends.Wait()
	})
	return err
}

// Addr is that of the first.
func (j *joined) Addr() net.Addr { return j.all[0].Addr() }

// urls are where clients find the guard.
func urls(l net.Listener, scheme string) (all []string) {
	each := []net.Listener{l}
	if j, ok := l.(*joined); ok {
		each = j.all
	}
	for _, l := range each {
		if l.Addr().Network() == "unix" {
			all = append(all, "unix:"+strings.TrimPrefix(l.Addr().String(), "unix:"))
		} else {
			all = append(all, scheme+"://"+l.Addr().String())
		}
	}
	return all
}
