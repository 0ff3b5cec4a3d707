// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/panoply-security/panoply/guard"
)

// gateway runs a guard with its own listener, deadlines and bounds, until standard input
// ends. The other roles serve a handler, where connections are what is measured.
func gateway(upstream string) error {
	policy := guardPolicy(upstream)
	policy.Listen = []string{"127.0.0.1:0"}
	policy.Connections.Max = 15_000 // of a process that may have 20,000 open
	g, err := guard.New(policy, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, func(url string) { fmt.Println(url) }) }()
	err = answerUsage()
	stop()
	if e := <-ended; err == nil {
		err = e
	}
	return err
}

// answerUsage answers each line on standard input with the CPU time, the most and the
// present memory of the process.
func answerUsage() error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return err
		}
		fmt.Println(u.Utime.Nano()+u.Stime.Nano(), u.Maxrss<<10, resident())
	}
	return nil
}

// resident is the memory that the process has now, 0 where the system has no /proc.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	var size, pages int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// sockets is the app, and a WebSocket that says back what it hears, frame by frame.
func sockets() http.Handler {
	pages := app()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			pages.ServeHTTP(w, r)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
		io.Copy(c, rw)
	})
}
