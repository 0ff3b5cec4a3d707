// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	gateway "github.com/panoply-security/panoply/guard"
)

const packaging = "../packaging"

// TestRelease builds a release for this system and uses it as people would: the program in
// an empty directory as its whole file system, the image, and the npm package.
func TestRelease(t *testing.T) {
	if runtime.GOOS != "linux" {
		lacking(t, "Linux", errors.New(runtime.GOOS))
	}
	const version = "v0.0.1-test"
	system := runtime.GOOS + "/" + runtime.GOARCH
	dist := t.TempDir()
	script := exec.Command("bash", filepath.Join(packaging, "release.sh"), version, system)
	// What whoever builds has set must not be in it.
	script.Env = append(os.Environ(), "DIST="+dist, "GOAMD64=v2", "GOARM64=v8.1", "GOFLAGS=-tags=other", "TAR_OPTIONS=--format=posix")
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dist = filepath.Join(dist, version)
	dir := filepath.Join(dist, runtime.GOOS+"_"+runtime.GOARCH)
	program := filepath.Join(dir, "panoply")

	t.Run("checksums", func(t *testing.T) {
		sums, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		want, name, _ := strings.Cut(strings.TrimSpace(string(sums)), "  ")
		archive, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != want || name != "panoply_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz" {
			t.Errorf("%s has another sum than %q", name, sums)
		}
	})
	t.Run("static", func(t *testing.T) {
		f, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
			t.Error("it needs libraries of the system")
		}
		if out, err := exec.Command(program, "--version").Output(); err != nil || string(out) != "panoply "+version+"\n" {
			t.Errorf("%q %v", out, err)
		}
	})
	t.Run("nobody's-settings", func(t *testing.T) {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range info.Settings {
			if s.Key == "-tags" || s.Key == "GOAMD64" && s.Value != "v1" || s.Key == "GOARM64" && s.Value != "v8.0" {
				t.Errorf("built with %s=%s", s.Key, s.Value)
			}
		}
		archive, err := os.Open(filepath.Join(dist, "panoply_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		unpacked, err := gzip.NewReader(archive)
		if err != nil {
			t.Fatal(err)
		}
		first, err := tar.NewReader(unpacked).Next()
		if err != nil || first.Format != tar.FormatGNU || first.Uname != "" {
			t.Errorf("packed as %v: %v", first, err)
		}
	})
	t.Run("empty-chroot", func(t *testing.T) { runsAlone(t, program) })
	t.Run("image", func(t *testing.T) { imageHolds(t, dir) })
	t.Run("npm", func(t *testing.T) { npmRuns(t, filepath.Join(dist, "npm"), version) })
}

// runsAlone starts the guard in a file system that has nothing but it, as nobody.
func runsAlone(t *testing.T, program string) {
	if os.Getuid() != 0 {
		lacking(t, "root, who alone may chroot", errors.New("not root"))
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "panoply"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "from the app") }))
	defer app.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "/panoply", "guard", "--upstream", app.URL, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	cmd.Path, cmd.Env, cmd.Dir = "/panoply", []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		lacking(t, "the right to chroot", err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	lines := bufio.NewScanner(log)
	listening := regexp.MustCompile(`msg="panoply guard".* listening=(http://\S+)`)
	var said strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go io.Copy(io.Discard, log)
			resp, err := http.Get(m[1])
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 200 || string(body) != "from the app" || resp.Header.Get("X-Request-Id") == "" {
				t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
			}
			return
		}
	}
	t.Fatalf("it never listened:\n%s", said.String())
}

// imageHolds builds the image and looks at what is in it.
func imageHolds(t *testing.T, dir string) {
	buildah, err := exec.LookPath("buildah")
	if err != nil {
		lacking(t, "buildah", err)
	}
	store := t.TempDir()
	try := func(args ...string) ([]byte, error) {
		cmd := exec.Command(buildah, append([]string{"--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs"}, args...)...)
		var failed bytes.Buffer
		cmd.Stderr = &failed
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("buildah %v: %w: %s", args, err, failed.String())
		}
		return out, err
	}
	run := func(args ...string) []byte {
		t.Helper()
		out, err := try(args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if _, err := try("from", "scratch"); err != nil { // containers may not nest here
		lacking(t, "a buildah that may make images", err)
	}
	run("build", "--format", "docker", "--isolation", "chroot", "-f", filepath.Join(packaging, "Dockerfile"), "-t", "panoply:test", dir)
	var image struct {
		Docker struct {
			Config struct {
				User        string
				Entrypoint  []string
				Healthcheck struct{ Test []string }
			} `json:"config"`
			RootFS struct {
				Layers []string `json:"diff_ids"`
			} `json:"rootfs"`
		}
	}
	if err := json.Unmarshal(run("inspect", "--type", "image", "panoply:test"), &image); err != nil {
		t.Fatal(err)
	}
	c := image.Docker.Config
	if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/panoply"}) || !slices.Contains(c.Healthcheck.Test, "health") {
		t.Errorf("the image is %+v", image)
	}
}

// npmRuns installs the packages and runs what npx would.
func npmRuns(t *testing.T, packages, version string) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		lacking(t, "npm", err)
	}
	dir := t.TempDir()
	all, err := os.ReadDir(packages)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d packages, %v", len(all), err)
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		return cmd
	}
	install := []string{"install", "--offline", "--no-audit", "--no-fund", "--omit=optional", "--install-links"}
	for _, p := range all {
		install = append(install, filepath.Join(packages, p.Name()))
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command(npm, install...).CombinedOutput(); err != nil {
		t.Fatalf("npm %v: %v: %s", install, err, out)
	}
	panoply := filepath.Join(dir, "node_modules", ".bin", "panoply")
	if out, err := command(panoply, "--version").CombinedOutput(); err != nil || string(out) != "panoply "+version+"\n" {
		t.Errorf("%q %v", out, err)
	}
	var exit *exec.ExitError
	if _, err := command(panoply, "policy", "check", "nothing.yaml").CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("a policy that is not there: %v", err)
	}
	manifest, err := os.ReadFile(filepath.Join(packages, "panoply", "package.json"))
	if err != nil || !strings.Contains(string(manifest), `"optionalDependencies": { "@panoply-security/panoply-`) || strings.Contains(string(manifest), "0.0.0") {
		t.Errorf("%s %v", manifest, err)
	}
}

func TestPackagingFilesAreValid(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(packaging, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	t.Run("compose", func(t *testing.T) {
		var config map[string]any
		if err := yaml.Unmarshal(read("compose.yaml"), &config); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(config); err != nil {
			t.Error(err)
		}
		if _, _, err := gateway.Check(filepath.Join(packaging, "compose.policy.yaml")); err != nil {
			t.Error(err)
		}
	})
	t.Run("kubernetes", func(t *testing.T) {
		kinds := map[string]any{"ConfigMap": new(corev1.ConfigMap), "Deployment": new(appsv1.Deployment), "Service": new(corev1.Service)}
		for _, document := range strings.Split(string(read("kubernetes.yaml")), "\n---\n") {
			var head struct{ Kind string }
			if err := yaml.Unmarshal([]byte(document), &head); err != nil {
				t.Fatal(err)
			}
			into, known := kinds[head.Kind]
			if !known {
				t.Errorf("%q is not looked at", head.Kind)
				continue
			}
			if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
				t.Errorf("%s: %v", head.Kind, err)
			}
			delete(kinds, head.Kind)
			if m, ok := into.(*corev1.ConfigMap); ok {
				file := filepath.Join(t.TempDir(), "policy.yaml")
				if err := os.WriteFile(file, []byte(m.Data["policy.yaml"]), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, _, err := gateway.Check(file); err != nil {
					t.Error(err)
				}
			}
		}
		if len(kinds) > 0 {
			t.Errorf("missing: %v", kinds)
		}
	})
	t.Run("systemd", func(t *testing.T) {
		analyze, err := exec.LookPath("systemd-analyze")
		if err != nil {
			lacking(t, "systemd-analyze", err)
		}
		// The program must be there to be checked.
		unit := strings.ReplaceAll(string(read("panoply.service")), "/usr/local/bin/panoply", "/bin/true")
		file := filepath.Join(t.TempDir(), "panoply.service")
		if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || strings.Contains(string(out), file) {
			t.Errorf("%v: %s", err, out)
		}
		// 0 is shut, 10 is open.
		if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}
