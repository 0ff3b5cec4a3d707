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

// soon METHOD URL BODY sends the request until its status is below 400, and prints the
// body of that answer.
func soon(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: soon METHOD URL BODY")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequest(args[0], args[1], strings.NewReader(args[2]))
		ts.Check(err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		ts.Check(err)
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		ts.Check(err)
		if resp.StatusCode < 400 {
			ts.Stdout().Write(body)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("status %s", resp.Status)
		}
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
