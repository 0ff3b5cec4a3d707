// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
const (
	signature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	maxV1     = 107                      // CRLF included, as the protocol has it
	// maxV2 bounds what follows the 16 bytes that every header of version 2 has:
	// the addresses, and TLVs, which are skipped. The protocol's own bound is
	// 64 KiB; a client certificate, the largest that is in use, fits in this.
	maxV2 = 4096
)

var (
	errNoByte   = errors.New("the peer left without a byte")
	errNoHeader = errors.New("no PROXY header")
	errV1       = errors.New("a PROXY header of version 1 that cannot be read")
	errV2       = errors.New("a PROXY header of version 2 that cannot be read")
)

// readProxyHeader reads one header. The address is the zero value where there
// is no client but the peer itself (LOCAL, UNKNOWN, UNSPEC). rest is what was
// read behind the header.
func readProxyHeader(r io.Reader) (client netip.AddrPort, rest []byte, err error) {
	var buf [maxV1]byte // the shortest header has 15 bytes
	n, err := io.ReadFull(r, buf[:len(signature)])
	switch {
	case n == 0 && err == io.EOF:
		return client, nil, errNoByte
	case err != nil:
		return client, nil, fmt.Errorf("%w: %w", errNoHeader, err)
	case string(buf[:n]) == signature:
		client, err = readV2(r)
		return client, nil, err
	case string(buf[:6]) != "PROXY ":
		return client, nil, errNoHeader
	}
	end := bytes.Index(buf[:n], []byte("\r\n"))
	for end < 0 && n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
		end = bytes.Index(buf[:n], []byte("\r\n"))
	}
	if end < 0 {
		return client, nil, errors.Join(errV1, err)
	}
	client, err = parseV1(string(buf[:end]))
	return client, bytes.Clone(buf[end+2 : n]), err
}

// parseV1 reads a line without its CRLF. It has one spelling.
func parseV1(line string) (client netip.AddrPort, err error) {
	if line == "PROXY UNKNOWN" || strings.HasPrefix(line, "PROXY UNKNOWN ") {
		return client, nil // what follows UNKNOWN is to be ignored
	}
	f := strings.Split(line, " ")
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return client, errV1
	}
	source, ok1 := v1Address(f[1], f[2], f[4])
	_, ok2 := v1Address(f[1], f[3], f[5])
	if !ok1 || !ok2 {
		return client, errV1
	}
	return source, nil
}

func v1Address(family, host, port string) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, false
	}
	n := 0
	for _, c := range []byte(port) {
		if c < '0' || c > '9' {
			return netip.AddrPort{}, false
		}
		if n = 10*n + int(c-'0'); n > 65535 {
			return netip.AddrPort{}, false
		}
	}
	if port == "" || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), true
}

// readV2 reads what follows the signature.
func readV2(r io.Reader) (client netip.AddrPort, err error) {
	var head [4]byte // version and command, family and protocol, length
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return client, errors.Join(errV2, err)
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length > maxV2 {
		return client, fmt.Errorf("%w: %d bytes, more than %d", errV2, length, maxV2)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return client, errors.Join(errV2, err)
	}
	switch head[0] {
	case 0x20: // LOCAL: the peer asks on its own account; its addresses are to be ignored
		return client, nil
	case 0x21: // PROXY
	default:
		return client, errV2
	}
	switch head[1] {
	case 0x00: // UNSPEC
		return client, nil
	case 0x11: // TCP over IPv4: two addresses, two ports
		if length >= 12 {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:])), nil
		}
	case 0x21: // TCP over IPv6
		if length >= 36 {
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)).Unmap(), binary.BigEndian.Uint16(body[32:])), nil
		}
	case 0x31: // a Unix socket has no address; the peer is the client
		if length >= 216 {
			return client, nil
		}
	}
	return client, errV2 // datagrams do not come over a stream
}
