// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 writes a header of version 2.
func v2(command, family byte, body []byte) string {
	var b bytes.Buffer
	b.WriteString(signature)
	b.Write([]byte{command, family})
	binary.Write(&b, binary.BigEndian, uint16(len(body)))
	b.Write(body)
	return b.String()
}

// ends are two addresses and two ports as version 2 spells them.
func ends(source, target string, more ...byte) []byte {
	s, d := netip.MustParseAddrPort(source), netip.MustParseAddrPort(target)
	b := append(s.Addr().AsSlice(), d.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, s.Port())
	b = binary.BigEndian.AppendUint16(b, d.Port())
	return append(b, more...)
}

func TestReadProxyHeader(t *testing.T) {
	four, six := ends("198.51.100.1:4711", "192.0.2.1:443"), ends("[2001:db8::1]:4711", "[2001:db8::2]:443")
	tests := []struct {
		name, header string
		want         string // "" is the peer, "-" a refusal
	}{
		{"v1-four", "PROXY TCP4 198.51.100.1 192.0.2.1 4711 443\r\n", "198.51.100.1:4711"},
		{"v1-six", "PROXY TCP6 2001:db8::1 2001:DB8::2 4711 443\r\n", "[2001:db8::1]:4711"},
		{"v1-four-in-six", "PROXY TCP6 ::ffff:198.51.100.1 ::ffff:192.0.2.1 4711 443\r\n", "198.51.100.1:4711"},
		{"v1-unknown", "PROXY UNKNOWN\r\n", ""},
		{"v1-unknown-with-addresses", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
		{"v1-unknown-of-107", "PROXY UNKNOWN " + strings.Repeat("x", 107-16) + "\r\n", ""},
		{"v1-of-108", "PROXY UNKNOWN " + strings.Repeat("x", 108-16) + "\r\n", "-"},
		{"v1-unknown-glued", "PROXY UNKNOWNX\r\n", "-"},
		{"v1-port-zero", "PROXY TCP4 198.51.100.1 192.0.2.1 0 0\r\n", "198.51.100.1:0"},
		{"v1-port-too-high", "PROXY TCP4 198.51.100.1 192.0.2.1 65536 443\r\n", "-"},
		{"v1-port-with-zero-ahead", "PROXY TCP4 198.51.100.1 192.0.2.1 04711 443\r\n", "-"},
		{"v1-port-signed", "PROXY TCP4 198.51.100.1 192.0.2.1 +4711 443\r\n", "-"},
		{"v1-no-port", "PROXY TCP4 198.51.100.1 192.0.2.1  443\r\n", "-"},
		{"v1-bad-target", "PROXY TCP4 198.51.100.1 192.0.2.256 4711 443\r\n", "-"},
		{"v1-family-does-not-fit", "PROXY TCP4 2001:db8::1 2001:db8::2 4711 443\r\n", "-"},
		{"v1-family-does-not-fit-six", "PROXY TCP6 198.51.100.1 192.0.2.1 4711 443\r\n", "-"},
		{"v1-zone", "PROXY TCP6 fe80::1%eth0 fe80::2 4711 443\r\n", "-"},
		{"v1-octal", "PROXY TCP4 0198.51.100.1 192.0.2.1 4711 443\r\n", "-"},
		{"v1-udp", "PROXY UDP4 198.51.100.1 192.0.2.1 4711 443\r\n", "-"},
		{"v1-lower-case", "proxy tcp4 198.51.100.1 192.0.2.1 4711 443\r\n", "-"},
		{"v1-two-spaces", "PROXY TCP4  198.51.100.1 192.0.2.1 4711 443\r\n", "-"},
		{"v1-space-behind", "PROXY TCP4 198.51.100.1 192.0.2.1 4711 443 \r\n", "-"},
		{"v1-bare-line-feed", "PROXY TCP4 198.51.100.1 192.0.2.1 4711 443\n", "-"},
		{"v1-too-few", "PROXY TCP4 198.51.100.1\r\n", "-"},
		{"v1-broken-off", "PROXY TCP4 198.51.100.1 192.0.2.1 47", "-"},
		{"v2-four", v2(0x21, 0x11, four), "198.51.100.1:4711"},
		{"v2-six", v2(0x21, 0x21, six), "[2001:db8::1]:4711"},
		{"v2-four-in-six", v2(0x21, 0x21, ends("[::ffff:198.51.100.1]:4711", "[::1]:443")), "198.51.100.1:4711"},
		{"v2-tlvs-are-skipped", v2(0x21, 0x11, append(four, 0x03, 0, 4, 1, 2, 3, 4, 0xff)), "198.51.100.1:4711"},
		{"v2-largest", v2(0x21, 0x11, append(four, make([]byte, maxV2-12)...)), "198.51.100.1:4711"},
		{"v2-too-large", v2(0x21, 0x11, append(four, make([]byte, maxV2-11)...)), "-"},
		{"v2-local", v2(0x20, 0x00, nil), ""},
		{"v2-local-with-addresses", v2(0x20, 0x11, four), ""},
		{"v2-unspec", v2(0x21, 0x00, []byte("whatever")), ""},
		{"v2-unix", v2(0x21, 0x31, make([]byte, 216)), ""},
		{"v2-unix-too-short", v2(0x21, 0x31, make([]byte, 215)), "-"},
		{"v2-four-too-short", v2(0x21, 0x11, four[:11]), "-"},
		{"v2-six-too-short", v2(0x21, 0x21, six[:35]), "-"},
		{"v2-udp", v2(0x21, 0x12, four), "-"},
		{"v2-unknown-command", v2(0x22, 0x11, four), "-"},
		{"v2-version-one", v2(0x11, 0x11, four), "-"},
		{"v2-version-three", v2(0x31, 0x11, four), "-"},
		{"v2-unknown-family", v2(0x21, 0x41, six), "-"},
		{"v2-broken-off", v2(0x21, 0x11, four)[:20], "-"},
		{"v2-nothing-behind-the-signature", signature, "-"},
		{"http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "-"},
		{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaa", "-"},
		{"short", "PROXY", "-"},
		{"nothing", "", "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const behind = "GET / HTTP/1.1\r\n"
			full := tt.header + behind
			if strings.Contains(tt.name, "broken-off") || strings.HasPrefix(tt.name, "v2-nothing") || tt.name == "short" || tt.name == "nothing" {
				full = tt.header
			}
			for _, r := range []io.Reader{strings.NewReader(full), iotest.OneByteReader(strings.NewReader(full)), iotest.DataErrReader(strings.NewReader(full))} {
				client, rest, err := readProxyHeader(r)
				if tt.want == "-" {
					if err == nil {
						t.Errorf("got %v; want a refusal", client)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := client.String(); client.IsValid() && got != tt.want || !client.IsValid() && tt.want != "" {
					t.Errorf("got %v; want %q", client, tt.want)
				}
				if after, _ := io.ReadAll(r); string(rest)+string(after) != behind {
					t.Errorf("behind it: got %q; want %q", string(rest)+string(after), behind)
				}
			}
		})
	}
}

// A header of either version is bounded, whatever the peer sends.
func TestProxyHeadersAreBounded(t *testing.T) {
	for name, start := range map[string]string{"v1": "PROXY TCP4 ", "v2": signature + "\x21\x11\xff\xff"} {
		t.Run(name, func(t *testing.T) {
			r := strings.NewReader(start + strings.Repeat("1", 1<<20))
			before := r.Len()
			if _, _, err := readProxyHeader(r); err == nil {
				t.Error("got no error")
			}
			if read := before - r.Len(); read > maxV1 {
				t.Errorf("%d bytes were read; want %d at most", read, maxV1)
			}
		})
	}
}

var v1Line = regexp.MustCompile(`^PROXY (TCP4|TCP6) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})$`)

// slowProxyHeader reads a header that lies in memory as a whole, by other means:
// a regular expression, package net, and the bytes where the protocol has them.
func slowProxyHeader(b []byte) (client string, length int, ok bool) {
	if bytes.HasPrefix(b, []byte(signature)) {
		if len(b) < 16 {
			return "", 0, false
		}
		n := int(b[14])<<8 + int(b[15])
		if n > 4096 || len(b) < 16+n {
			return "", 0, false
		}
		body := b[16 : 16+n]
		port := func(at int) string { return strconv.Itoa(int(body[at])<<8 + int(body[at+1])) }
		switch {
		case b[12] == 0x20:
			return "", 16 + n, true
		case b[12] != 0x21:
		case b[13] == 0, b[13] == 0x31 && n >= 216:
			return "", 16 + n, true
		case b[13] == 0x11 && n >= 12:
			return net.JoinHostPort(net.IP(body[:4]).String(), port(8)), 16 + n, true
		case b[13] == 0x21 && n >= 36:
			return net.JoinHostPort(net.IP(body[:16]).String(), port(32)), 16 + n, true
		}
		return "", 0, false
	}
	line, _, found := strings.Cut(string(b[:min(len(b), 107)]), "\r\n")
	if !found {
		return "", 0, false
	}
	if line == "PROXY UNKNOWN" || strings.HasPrefix(line, "PROXY UNKNOWN ") {
		return "", len(line) + 2, true
	}
	m := v1Line.FindStringSubmatch(line)
	if m == nil {
		return "", 0, false
	}
	for _, host := range m[2:4] {
		if net.ParseIP(host) == nil || strings.Contains(host, ":") != (m[1] == "TCP6") {
			return "", 0, false
		}
	}
	for _, port := range m[4:] {
		if n, _ := strconv.Atoi(port); n > 65535 {
			return "", 0, false
		}
	}
	return net.JoinHostPort(net.ParseIP(m[2]).String(), m[4]), len(line) + 2, true
}

func FuzzReadProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 198.51.100.1 192.0.2.1 4711 443\r\nGET"))
	f.Add([]byte("PROXY TCP6 ::ffff:1.2.3.4 ::1 0 65536\r\n"))
	f.Add([]byte("PROXY UNKNOWN a\r\n"))
	f.Add([]byte(v2(0x21, 0x11, ends("198.51.100.1:4711", "192.0.2.1:443", 3, 0, 1, 9)) + "GET"))
	f.Add([]byte(v2(0x21, 0x21, ends("[::ffff:1.2.3.4]:1", "[::1]:2"))))
	f.Add([]byte(v2(0x20, 0, nil)))
	f.Add([]byte(v2(0x21, 0x31, make([]byte, 216))))
	f.Fuzz(func(t *testing.T, b []byte) {
		wantClient, length, wantOK := slowProxyHeader(b)
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.HalfReader(bytes.NewReader(b))} {
			client, rest, err := readProxyHeader(r)
			got := ""
			if client.IsValid() {
				got = net.JoinHostPort(client.Addr().String(), strconv.Itoa(int(client.Port())))
			}
			if (err == nil) != wantOK || err == nil && got != wantClient {
				t.Fatalf("%q: got %q, %v; want %q, %v", b, got, err, wantClient, wantOK)
			}
			if err != nil {
				if errors.Is(err, errNoByte) != (len(b) == 0) {
					t.Errorf("%q: got %v", b, err)
				}
				continue
			}
			if after, _ := io.ReadAll(r); !bytes.Equal(append(rest, after...), b[length:]) {
				t.Errorf("%q: what is behind it changed", b)
			}
			if client.Addr().Is4In6() || client.Addr().Zone() != "" {
				t.Errorf("client %v has a second spelling", client)
			}
		}
	})
}
