// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/panoply-security/panoply/headers"
	"github.com/unrolled/secure"
)

// headerTurns and headerTurn are how often, and on how many answers at a time,
// each way of setting headers has its turn. The fastest turn counts.
const (
	headerTurns = 400
	headerTurn  = 500
)

// headerWay sets the headers of an answer to a request that came over TLS.
type headerWay struct {
	name string
	set  func(http.ResponseWriter, *http.Request)
}

// answerTo is an answer that goes nowhere.
type answerTo struct{ header http.Header }

func (a *answerTo) Header() http.Header         { return a.header }
func (a *answerTo) Write(b []byte) (int, error) { return len(b), nil }
func (a *answerTo) WriteHeader(int)             {}

// benchHeaders prints what setting Helmet's default headers costs: by hand,
// through package headers, through unrolled/secure, and in Node through Helmet
// itself where it is installed (npm ci in bench/helmet).
func benchHeaders(ctx context.Context) error {
	h, err := headers.New(headers.Config{})
	if err != nil {
		return err
	}
	full := make(http.Header)
	h.Apply(full, headers.Request{TLS: true})
	type line struct {
		name   string
		values []string
	}
	var lines []line
	for name, values := range full {
		lines = append(lines, line{name, values})
	}
	byHand := func(w http.ResponseWriter, _ *http.Request) {
		to := w.Header()
		for i := range lines {
			to[lines[i].name] = lines[i].values
		}
	}
	set := func(w http.ResponseWriter, _ *http.Request) {
		for i := range lines {
			w.Header().Set(lines[i].name, lines[i].values[0])
		}
	}
	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	unrolled := secure.New(secure.Options{
		ContentSecurityPolicy: full.Get("Content-Security-Policy"), CrossOriginOpenerPolicy: "same-origin", CrossOriginResourcePolicy: "same-origin",
		ReferrerPolicy: "no-referrer", STSSeconds: 31536000, STSIncludeSubdomains: true, ContentTypeNosniff: true, XDNSPrefetchControl: "off",
		CustomFrameOptionsValue: "SAMEORIGIN", XPermittedCrossDomainPolicies: "none", CustomBrowserXssValue: "0",
	}).Handler(done)
	ways := []headerWay{
		{"map assignment by hand", byHand},
		{"Header().Set, 12 times", set},
		{"headers.Apply", func(w http.ResponseWriter, _ *http.Request) { h.Apply(w.Header(), headers.Request{TLS: true}) }},
		{"headers.Handler", h.Handler(done).ServeHTTP},
		{"unrolled/secure (10 of the 12)", unrolled.ServeHTTP},
	}

	r := httptest.NewRequest("GET", "https://shop.example/", nil)
	best := make([]time.Duration, len(ways))
	answers := make([]answerTo, headerTurn)
	for turn := range headerTurns {
		for i, way := range ways {
			for j := range answers {
				answers[j].header = make(http.Header, 16)
			}
			start := time.Now()
			for j := range answers {
				way.set(&answers[j], r)
			}
			if took := time.Since(start); turn == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	fmt.Printf("setting Helmet's default headers; the fastest of %d interleaved turns\n\n%-32s %10s %8s %8s\n", headerTurns, "", "ns", "ratio", "allocs")
	a := &answerTo{make(http.Header, 32)}
	for i, way := range ways {
		allocs := testing.AllocsPerRun(1000, func() { clear(a.header); way.set(a, r) })
		fmt.Printf("%-32s %10.0f %8.2f %8.0f\n", way.name, float64(best[i])/headerTurn, float64(best[i])/float64(best[0]), allocs)
	}
	return benchHelmet(ctx, float64(best[0])/headerTurn)
}

// benchHelmet measures Helmet itself, without a real answer object in either
// language. Where it cannot, it says so.
func benchHelmet(ctx context.Context, byHand float64) error {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "helmet")
	cmd := exec.CommandContext(ctx, "node", "bench.js", fmt.Sprint(headerTurns))
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		fmt.Printf("\n*** NOT MEASURED: Helmet itself (%v); it needs node, and npm ci in bench/helmet ***\n", err)
		return nil
	}
	var node struct{ Hand, Helmet float64 }
	if err := json.Unmarshal(out, &node); err != nil {
		return err
	}
	fmt.Printf("%-32s %10.0f %8.2f\n", "Helmet 8.3.0 in Node, a Map", node.Helmet, node.Helmet/byHand)
	fmt.Printf("%-32s %10.0f %8.2f\n", "12 assignments in Node, a Map", node.Hand, node.Hand/byHand)
	return nil
}
