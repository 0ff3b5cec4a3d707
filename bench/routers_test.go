// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/panoply-security/panoply/ratelimit"
)

// twoPerMinute limits one route. The limiter finds its routes itself, so it goes
// before the router, whichever that is: then no route is forgotten, and what the
// router would not know is limited too.
func twoPerMinute() *ratelimit.Limiter {
	limiter, err := ratelimit.New(ratelimit.Config{Rules: []ratelimit.Rule{
		{Name: "search", Match: []string{"GET /search"}, Limit: 2, Window: time.Minute}}})
	if err != nil {
		panic(err)
	}
	return limiter
}

func try(server http.Handler) {
	for range 3 {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest("GET", "/search", nil))
		fmt.Println(w.Code, w.Header().Get("RateLimit"))
	}
}

func found(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "found") }

func Example_serveMux() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /search", found)
	try(twoPerMinute().Handler(mux))
	// Output:
	// 200 "search"; r=1; t=30
	// 200 "search"; r=0; t=60
	// 429 "search"; r=0; t=30
}

func Example_chi() {
	r := chi.NewRouter()
	r.Use(twoPerMinute().Handler)
	r.Get("/search", found)
	try(r)
	// Output:
	// 200 "search"; r=1; t=30
	// 200 "search"; r=0; t=60
	// 429 "search"; r=0; t=30
}

func Example_gin() {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/search", gin.WrapF(found))
	try(twoPerMinute().Handler(engine))
	// Output:
	// 200 "search"; r=1; t=30
	// 200 "search"; r=0; t=60
	// 429 "search"; r=0; t=30
}

func Example_echo() {
	e := echo.New()
	e.Pre(echo.WrapMiddleware(twoPerMinute().Handler))
	e.GET("/search", echo.WrapHandler(http.HandlerFunc(found)))
	try(e)
	// Output:
	// 200 "search"; r=1; t=30
	// 200 "search"; r=0; t=60
	// 429 "search"; r=0; t=30
}
