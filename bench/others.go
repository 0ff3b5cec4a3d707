// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// maxStart bounds how long another's server may take until it listens.
const maxStart = 30 * time.Second

// startPanoply is the program that is shipped, with the policy of the role gateway in a file.
func startPanoply(ctx context.Context, dir, upstream string) (*running, error) {
	program := filepath.Join(dir, "panoply")
	if err := build(ctx, program, filepath.Join("..", "cmd", "panoply"), "."); err != nil {
		return nil, err
	}
	addr, err := free()
	if err != nil {
		return nil, err
	}
	schema, err := json.Marshal(orderSchema)
	if err != nil {
		return nil, err
	}
	file, err := configure(dir, "panoply.yaml", `upstream: `+upstream+`
listen: `+addr+`
admin: {listen: "off"}
rate_limits:
  rules:
    - {name: general, limit: 1000000, window: 1s}
bodies:
  routes:
    - {match: "POST /items", schema: `+string(schema)+`}
`)
	if err != nil {
		return nil, err
	}
	return launch(exec.CommandContext(ctx, program, "guard", "--config", file), dir, addr, "the program that is shipped, stripped, with the same policy")
}

// build builds a program of a module beside this one, on its own.
func build(ctx context.Context, program, module, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", program, pkg)
	cmd.Dir = beside(module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s could not be built: %w: %s", pkg, err, end(out))
	}
	return nil
}

// startCaddy builds the Caddy that caddy/go.mod pins, as its makers build it.
func startCaddy(ctx context.Context, dir, upstream string) (*running, error) {
	fmt.Fprintln(os.Stderr, "building Caddy; the first time takes minutes")
	program := filepath.Join(dir, "caddy")
	if err := build(ctx, program, "caddy", "github.com/caddyserver/caddy/v2/cmd/caddy"); err != nil {
		return nil, err
	}
	addr, err := free()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	file, err := configure(dir, "Caddyfile", `{
	admin off
	auto_https off
	persist_config off
}
:`+port+` {
	bind 127.0.0.1
	reverse_proxy `+upstream+`
}
`)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	return launch(cmd, dir, addr, "reverse_proxy and nothing else; Caddy "+info.Main.Version+", "+info.GoVersion)
}

// nginxBare is an nginx that keeps its connections on both sides. Filled in are what is loaded,
// its directory, the app, where it listens, and what is on.
const nginxBare = `%[1]s
daemon off;
pid %[2]s/pid;
error_log stderr crit;
worker_processes auto;
worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	keepalive_requests 10000000;
	upstream app { server %[3]s; keepalive 256; keepalive_requests 10000000; }
	server {
		listen %[4]s;
		%[5]s
		location / {
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
	}
}
`

func startNginx(ctx context.Context, dir, upstream string) (*running, error) {
	return nginx(ctx, dir, upstream, "", "", "proxy_pass with keep-alive on both sides and nothing else")
}

// coreRules are Debian's: its configuration of ModSecurity, which only reports until it is
// told otherwise, and the core rule set as it comes. The list of includes that Debian has
// is for Apache; nginx does not know IncludeOptional.
const (
	modSecurityModule = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
	coreRules         = `Include /etc/nginx/modsecurity.conf
SecRuleEngine On
SecAuditEngine Off
Include /etc/modsecurity/crs/crs-setup.conf
Include /usr/share/modsecurity-crs/rules/*.conf
`
)

func startModSecurity(ctx context.Context, dir, upstream string) (*running, error) {
	for _, path := range []string{modSecurityModule, "/etc/nginx/modsecurity.conf", "/etc/modsecurity/crs/crs-setup.conf"} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w; on Debian: apt-get install libnginx-mod-http-modsecurity modsecurity-crs", err)
		}
	}
	rules, err := configure(dir, "rules.conf", coreRules)
	if err != nil {
		return nil, err
	}
	return nginx(ctx, dir, upstream, "load_module "+modSecurityModule+";",
		"modsecurity on; modsecurity_rules_file "+rules+";", "Debian's rules at paranoia level 1, enforced; core rule set "+
			printed(ctx, "dpkg-query", "-W", "-f", "${Version}", "modsecurity-crs"))
}

func nginx(ctx context.Context, dir, upstream, load, on, what string) (*running, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, fmt.Errorf("%w; on Debian: apt-get install nginx-light", err)
		}
	}
	app, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	addr, err := free()
	if err != nil {
		return nil, err
	}
	file, err := configure(dir, "nginx.conf", fmt.Sprintf(nginxBare, load, dir, app.Host, addr, on))
	if err != nil {
		return nil, err
	}
	version := strings.TrimPrefix(printed(ctx, program, "-v"), "nginx version: ")
	return launch(exec.CommandContext(ctx, program, "-p", dir, "-c", file), dir, addr, what+"; "+version)
}

// express is the app in express/, which answers by itself.
func express(mode, what string) func(context.Context, string, string) (*running, error) {
	return func(ctx context.Context, dir, _ string) (*running, error) {
		addr, err := free()
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(addr)
		cmd := exec.CommandContext(ctx, "node", "app.js", mode)
		cmd.Dir = beside("express")
		if _, err := os.Stat(filepath.Join(cmd.Dir, "node_modules")); err != nil {
			return nil, errors.New("its packages are not installed: npm ci in bench/express")
		}
		cmd.Env = append(os.Environ(), "NODE_ENV=production", "PORT="+port, "PANOPLY_BENCH_ANSWER="+order)
		return launch(cmd, dir, addr, what+"; Node "+printed(ctx, "node", "--version"))
	}
}

// launch starts a command and returns when it accepts connections at addr. What it prints
// goes to a file of its directory.
func launch(cmd *exec.Cmd, dir, addr, what string) (*running, error) {
	log, err := os.Create(filepath.Join(dir, "printed"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // nginx ends its workers
	cmd.WaitDelay = 3 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop := func() {
		cmd.Cancel()
		select {
		case <-ended:
		case <-time.After(cmd.WaitDelay):
			cmd.Process.Kill()
			<-ended
		}
	}
	for until := time.Now().Add(maxStart); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return &running{targetAt("http://" + addr), cmd.Process.Pid, what, stop}, nil
		}
		select {
		case <-ended:
		default:
			if time.Now().Before(until) {
				continue
			}
		}
		stop()
		out, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s did not start: %v: %s", filepath.Base(cmd.Path), cmd.ProcessState, end(out))
	}
}

// free is a loopback address that nobody listens at, for servers that cannot choose one.
func free() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func configure(dir, name, text string) (path string, err error) {
	path = filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// printed is the first line of what a command prints, "unknown" when it cannot be run.
func printed(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return string(line)
}

// end is the last of what was printed, in one line.
func end(out []byte) string {
	return strings.Join(strings.Fields(string(out[max(0, len(out)-300):])), " ")
}

// beside is a directory beside this file.
func beside(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), name)
}
