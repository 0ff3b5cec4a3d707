// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"slices"
	"testing"
)

func TestMistake(t *testing.T) {
	const xff, fwd, real = "X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.1", "X-Real-IP: 198.51.100.1"
	for _, tt := range []struct {
		name, header, peer string
		lines              []string
		want               Mistake
	}{
		{"docker-bridge", "", "172.17.0.1:80", []string{xff}, UntrustedProxy},
		{"loopback", "", "127.0.0.1:80", []string{fwd}, UntrustedProxy},
		{"loopback-six", "", "[::1]:80", []string{real}, UntrustedProxy},
		{"unique-local", "", "[fd00::1]:80", []string{xff}, UntrustedProxy},
		{"link-local", "", "[fe80::1%eth0]:80", []string{xff}, UntrustedProxy},
		{"four-in-six", "", "[::ffff:192.168.0.1]:80", []string{xff}, UntrustedProxy},
		{"shared-space", "", "100.64.0.1:80", []string{xff}, UntrustedProxy},
		{"unix-socket", "", "@", []string{xff}, UntrustedProxy},
		{"private-without-headers", "", "172.17.0.1:80", nil, NoMistake},
		{"a-public-client-that-lies", "", "203.0.113.9:80", []string{xff, fwd, real}, NoMistake},
		{"trusted", "", "10.0.0.1:80", []string{xff}, NoMistake},
		{"trusted-with-both", "", "10.0.0.1:80", []string{xff, real}, NoMistake},
		{"trusted-without-headers", "", "10.0.0.1:80", nil, NoMistake},
		{"trusted-names-it-elsewhere", "", "10.0.0.1:80", []string{real}, UnreadHeader},
		{"trusted-names-it-in-forwarded", "X-Real-IP", "10.0.0.1:80", []string{fwd}, UnreadHeader},
		{"forwarded-is-read", "Forwarded", "10.0.0.1:80", []string{fwd}, NoMistake},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := resolver(t, tt.header, "10.0.0.0/8")
			r := request(tt.peer, tt.lines...)
			got := res.Mistake(r)
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if got != NoMistake && (got.Advice() == "" || !slices.Contains(Mistakes(), got)) {
				t.Errorf("%q is not among those that are counted and explained", got)
			}
			if n := testing.AllocsPerRun(100, func() { res.Mistake(r) }); n != 0 && tt.peer != "@" {
				t.Errorf("%v allocations; want 0", n)
			}
		})
	}
}
