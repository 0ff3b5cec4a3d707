// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Scanner looks for viruses. It must be safe for concurrent use.
type Scanner interface {
	// Scan reads the content and returns the name of what it found, "" for
	// nothing. An error says that it could not tell.
	Scan(ctx context.Context, content io.Reader) (found string, err error)
}

// ClamdConfig says where ClamAV's clamd is.
type ClamdConfig struct {
	// Address is host:port, or unix: and the path of a socket. Without it
	// nothing is scanned. What is sent to another host goes in the clear.
	Address string `yaml:"address" doc:"host:port of clamd, or unix:/path; nothing is scanned without it"`
	// Timeout is how long one file may take, waiting included. Default 30 s, at
	// most 10 minutes.
	Timeout time.Duration `yaml:"timeout" doc:"how long one file may take, 30s by default"`
	// WhenDown says what becomes of a file that could not be scanned: refuse
	// (503, the default), or allow, which is told of in the log.
	WhenDown Outage `yaml:"when_down" doc:"refuse or allow files while clamd does not answer; refuse by default"`
}

// Outage is what happens while a scanner does not answer.
type Outage string

// The answers to an outage.
const (
	Refuse Outage = "refuse"
	Allow  Outage = "allow"
)

const (
	clamdScans = 8 // at one time; clamd has 10 threads unless told otherwise
	clamdChunk = 32 << 10
	clamdReply = 1 << 10
)

// clamdSlots are those of each clamd by its address: as many as policies name.
var clamdSlots sync.Map

// Clamd is a Scanner that hands files to clamd with its INSTREAM command, eight
// at a time from this process. clamd itself bounds how large a file may be (StreamMaxLength): one
// that is larger could not be scanned.
type Clamd struct {
	network, address string
	timeout          time.Duration
	slots            chan struct{}
}

var _ Scanner = (*Clamd)(nil)

// NewClamd returns a Scanner. It does not connect yet.
func NewClamd(cfg ClamdConfig) (*Clamd, error) {
	c := &Clamd{network: "tcp", address: cfg.Address, timeout: cfg.Timeout}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if path, ok := strings.CutPrefix(cfg.Address, "unix:"); ok {
		if c.network, c.address = "unix", path; !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("upload: clamd's address %q is no absolute path", cfg.Address)
		}
	} else if _, port, err := net.SplitHostPort(cfg.Address); err != nil || port == "" {
		return nil, fmt.Errorf("upload: clamd's address %q is neither host:port nor unix:/path", cfg.Address)
	}
	slots, _ := clamdSlots.LoadOrStore(c.network+" "+c.address, make(chan struct{}, clamdScans))
	c.slots = slots.(chan struct{})
	return c, nil
}

// Scan sends the content and waits for the answer.
func (c *Clamd) Scan(ctx context.Context, content io.Reader) (found string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", errScannerBusy, ctx.Err())
	}
	conn, err := new(net.Dialer).DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", fmt.Errorf("upload: clamd: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	sent := instream(conn, content)
	if errors.Is(sent, errContent) {
		return "", sent
	}
	// clamd may have answered and hung up before the end: it is too large, say.
	reply, err := io.ReadAll(io.LimitReader(conn, clamdReply))
	if len(reply) == 0 {
		return "", fmt.Errorf("upload: clamd did not answer: %w", errors.Join(sent, err))
	}
	return verdictOf(reply)
}

var errScannerBusy = errors.New("upload: clamd is busy with other files")

var errContent = errors.New("upload: the file could not be read")

// instream writes the command: chunks with their lengths, and an empty one.
func instream(w io.Writer, content io.Reader) error {
	if _, err := io.WriteString(w, "zINSTREAM\x00"); err != nil {
		return err
	}
	buf := make([]byte, 4+clamdChunk)
	for {
		n, err := io.ReadFull(content, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if _, err := w.Write(buf[:4+n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			_, err := w.Write(make([]byte, 4))
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errContent, err)
		}
	}
}

// verdictOf reads what clamd says of the stream.
func verdictOf(reply []byte) (found string, err error) {
	text, _, ended := bytes.Cut(reply, []byte{0})
	switch name, isFound := strings.CutSuffix(strings.TrimPrefix(string(text), "stream: "), " FOUND"); {
	case ended && string(text) == "stream: OK":
		return "", nil
	case ended && isFound && name != "":
		return name, nil
	}
	return "", fmt.Errorf("upload: clamd answers %.100q", text)
}
