// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import "io"

// tunnel is the body of a 101: the connection, with what has come of it already.
type tunnel struct{ *body }

var _ io.ReadWriteCloser = (*tunnel)(nil)

func (t *tunnel) Read(p []byte) (int, error) {
	if t.in.buffered() == 0 {
		return t.conn.Read(p)
	}
	return t.some(p)
}

func (t *tunnel) Write(p []byte) (int, error) { return t.conn.Write(p) }

// CloseWrite tells the server that no more comes.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.conn.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.conn.Close()
}

// Close may be called while others read and write.
func (t *tunnel) Close() error {
	t.conn.client.drop(t.conn)
	return nil
}
