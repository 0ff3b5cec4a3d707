// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const virus = "THIS-IS-A-TEST-VIRUS"

// falseClamd speaks clamd's protocol, with an answer of the test's choice for what
// it was sent.
func falseClamd(t *testing.T, answer func(content string) string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				content, err := readInstream(conn)
				if err != nil {
					return
				}
				io.WriteString(conn, answer(content))
			}()
		}
	}()
	return l.Addr().String()
}

func readInstream(conn io.Reader) (content string, err error) {
	r := bufio.NewReader(conn)
	if command, err := r.ReadString(0); err != nil || command != "zINSTREAM\x00" {
		return "", fmt.Errorf("command %q, %w", command, err)
	}
	var b strings.Builder
	for {
		var n uint32
		if err := binary.Read(r, binary.BigEndian, &n); err != nil {
			return "", err
		}
		if n == 0 {
			return b.String(), nil
		}
		if n > clamdChunk {
			return "", fmt.Errorf("a chunk of %d bytes", n)
		}
		if _, err := io.CopyN(&b, r, int64(n)); err != nil {
			return "", err
		}
	}
}

func findVirus(content string) string {
	if strings.Contains(content, virus) {
		return "stream: Test-Signature FOUND\x00"
	}
	return "stream: OK\x00"
}

func TestClamd(t *testing.T) {
	clean := part{"f", "a.png", "image/png", pngWith("tEXt", "a\x00b")}
	infected := part{"f", "a.png", "image/png", pngWith("tEXt", "a\x00"+virus)}
	large := part{"f", "a.jpg", "image/jpeg", jpegOf(noisy(600, 500), 95)}
	always := func(reply string) func(string) string { return func(string) string { return reply } }
	nowhere := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	tests := []struct {
		name    string
		address string
		down    Outage
		part    part
		want    rule.ID
		noted   rule.ID
	}{
		{"clean", falseClamd(t, findVirus), "", clean, "", ""},
		{"clean-and-large", falseClamd(t, findVirus), "", large, "", ""},
		{"infected", falseClamd(t, findVirus), "", infected, rule.UploadVirus, ""},
		{"infected-allowed-when-down", falseClamd(t, findVirus), Allow, infected, rule.UploadVirus, ""},
		{"down", nowhere, "", clean, rule.UploadUnscanned, ""},
		{"down-refused", nowhere, Refuse, clean, rule.UploadUnscanned, ""},
		{"down-allowed", nowhere, Allow, clean, "", rule.UploadUnscanned},
		{"too-large-for-it", falseClamd(t, always("INSTREAM size limit exceeded. ERROR\x00")), "", clean, rule.UploadUnscanned, ""},
		{"nonsense", falseClamd(t, always("stream: maybe\x00")), "", clean, rule.UploadUnscanned, ""},
		{"ok-that-breaks-off", falseClamd(t, always("stream: OK")), "", clean, rule.UploadUnscanned, ""},
		{"hangs-up", falseClamd(t, always("")), "", clean, rule.UploadUnscanned, ""},
		{"nothing-found-by-name", falseClamd(t, always("stream:  FOUND\x00")), "", clean, rule.UploadUnscanned, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, Config{Clamd: ClamdConfig{Address: tt.address, WhenDown: tt.down}})
			var noted rule.ID
			form, err := in.Read(request(tt.part), ReadOptions{Note: func(e *problem.Error) { noted = e.Rule }})
			form.Close()
			if got := ruleOf(err); got != tt.want || noted != tt.noted {
				t.Errorf("got %q, %v, noted %q; want %q, %q", got, err, noted, tt.want, tt.noted)
			}
			if tt.want == rule.UploadUnscanned && (problem.As(err).Code() != 503 || problem.As(err).Retry == 0) {
				t.Errorf("got %d; want 503 with a time to try again", problem.As(err).Code())
			}
		})
	}
}

func TestClamdThatTakesTooLong(t *testing.T) {
	silent := falseClamd(t, func(string) string { time.Sleep(time.Minute); return "" })
	c, err := NewClamd(ClamdConfig{Address: silent, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Scan(context.Background(), strings.NewReader("x")); err == nil {
		t.Error("a scanner that says nothing has found nothing")
	}
	for range clamdScans {
		c.slots <- struct{}{}
	}
	if _, err := c.Scan(context.Background(), strings.NewReader("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with every slot taken: got %v", err)
	}
}

func TestClamdConfig(t *testing.T) {
	for name, cfg := range map[string]ClamdConfig{
		"no-port": {Address: "localhost"}, "relative-path": {Address: "unix:clamd.ctl"}, "unknown-word": {WhenDown: "panic"},
		"too-patient": {Address: "127.0.0.1:3310", Timeout: time.Hour},
	} {
		if _, err := New(Config{Clamd: cfg}); err == nil || !strings.Contains(err.Error(), "clamd.") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	in := inspector(t, Config{Clamd: ClamdConfig{Address: "unix:/run/clamd.ctl", WhenDown: Allow}})
	if got := in.UnsafeSettings(); len(got) != 1 || got[0] != "clamd.when_down: allow" {
		t.Errorf("got %q", got)
	}
	if _, streams := in.streamsAfter(); streams {
		t.Error("what is scanned must be held")
	}
}

// The real clamd, with a signature of our own: no other is needed, and none is
// fetched.
func TestRealClamd(t *testing.T) {
	clamd, err := exec.LookPath("clamd")
	if err != nil {
		t.Skip("SKIPPED: clamd is not installed")
	}
	dir, err := os.MkdirTemp("", "clamd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "clamd.ctl")
	files := map[string]string{
		"test.ndb":   fmt.Sprintf("Test.Signature:0:*:%x\n", virus),
		"clamd.conf": fmt.Sprintf("LocalSocket %s\nDatabaseDirectory %s\nForeground yes\nStreamMaxLength 1M\nTemporaryDirectory %s\n", socket, dir, dir),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, clamd, "--config-file", filepath.Join(dir, "clamd.conf"))
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Skipf("SKIPPED: clamd does not start: %v", err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		select {
		case <-ended:
			t.Skipf("SKIPPED: clamd does not run: %s", log.String())
		default:
		}
		if time.Now().After(end) {
			t.Skip("SKIPPED: clamd does not listen")
		}
	}
	in := inspector(t, Config{Clamd: ClamdConfig{Address: "unix:" + socket}})
	for _, tt := range []struct {
		name, content string
		want          rule.ID
	}{
		{"clean", pngOf(picture(30, 20)), ""},
		{"infected", pngWith("tEXt", "a\x00"+virus), rule.UploadVirus},
		{"infected-further-in", pngWith("tEXt", "a\x00"+noiseText(500_000)+virus), rule.UploadVirus},
		{"too-large", pngWith("tEXt", "a\x00"+noiseText(2<<20)), rule.UploadUnscanned},
	} {
		form, err := in.Read(request(part{"f", "a.png", "image/png", tt.content}), ReadOptions{})
		form.Close()
		if got := ruleOf(err); got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// noiseText is letters without a pattern.
func noiseText(n int) string {
	b := []byte(noise(n))
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}

func FuzzClamdReply(f *testing.F) {
	for _, s := range []string{"stream: OK\x00", "stream: X FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if found, err := verdictOf(b); found == "" && err == nil && !strings.HasPrefix(string(b), "stream: OK\x00") {
			t.Fatalf("%q counts as clean", b)
		}
	})
}
