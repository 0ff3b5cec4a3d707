// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"

	"github.com/coder/websocket"
)

// firstEvents reads the first three events of a stream that never ends, and
// leaves. A guard that buffers the stream lets the step's time run out.
func firstEvents(ctx context.Context, w *walk, req *http.Request, e *Exchange) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	res, err := w.client.Do(req.WithContext(ctx))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	e.answered(res)
	lines := bufio.NewScanner(io.LimitReader(res.Body, maxAnswer))
	for events := 0; events < 3 && lines.Scan(); {
		e.Body = append(append(e.Body, lines.Bytes()...), '\n')
		if len(lines.Bytes()) == 0 {
			events++
		}
	}
	return lines.Err()
}

// echoes opens a WebSocket, sends texts and bytes, and expects each back. The
// body of the exchange is what came back.
func echoes(ctx context.Context, w *walk, req *http.Request, e *Exchange) error {
	client := *w.client
	client.Transport = http1(client.Transport)
	conn, res, err := websocket.Dial(ctx, req.URL.String(), &websocket.DialOptions{
		HTTPClient: &client,
		HTTPHeader: req.Header,
	})
	if res != nil {
		e.answered(res)
	}
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	messages := []struct {
		kind websocket.MessageType
		data []byte
	}{
		{websocket.MessageText, []byte("hello ⚡ Grüße")},
		{websocket.MessageText, []byte(`{"price":"$5","filter":{"$gte":10}}`)}, // its own protocol: not the guard's
		{websocket.MessageBinary, bytes.Repeat([]byte{0, 1, 2, 0xff}, 1024)},
	}
	for i, m := range messages {
		if err := conn.Write(ctx, m.kind, m.data); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("echo %d: %w", i, err)
		}
		e.Body = fmt.Appendf(e.Body, "%v %s\n", kind, data)
	}
	return conn.Close(websocket.StatusNormalClosure, "")
}

// http1 returns a transport that speaks HTTP/1.1 only, because an upgrade is
// not possible in HTTP/2.
func http1(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = nil
	}
	return t
}
