// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fetch METHOD URL [BODY] waits until the address accepts connections, sends
// the request, with a body as JSON, and prints status, headers and body. It
// fails on a status of 400 or more.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: fetch METHOD URL [BODY]")
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	if len(args) > 2 {
		req.Header.Set("Content-Type", "application/json")
	}
	ts.Check(accepts(req.URL.Host))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	var out bytes.Buffer
	fmt.Fprintln(&out, resp.Status)
	ts.Check(resp.Header.Write(&out))
	_, err = io.Copy(&out, io.LimitReader(resp.Body, 1<<20))
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), out.String())
	if failed := resp.StatusCode >= 400; failed != neg {
		ts.Fatalf("status %s", resp.Status)
	}
}

// accepts waits for a server that another process is starting.
func accepts(addr string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
