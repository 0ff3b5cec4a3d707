// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Bounds on the parameters of a hash. They hold for the configuration too, so
// that whatever is written can be read.
const (
	maxMemoryKiB   = 256 << 10
	maxIterations  = 16
	maxParallelism = 16
	maxWork        = 1 << 20 // KiB of memory times iterations
	maxBcryptCost  = 16

	saltBytes = 16
	keyBytes  = 32
)

var errMalformed = errors.New("password: the stored hash is neither an argon2id PHC string nor a bcrypt hash")
var errBounds = errors.New("password: the stored hash asks for more memory or time than is allowed")

// params are of argon2id, or of bcrypt when bcryptCost is set.
type params struct {
	memory     uint32 // KiB
	iterations uint32
	lanes      uint8
	bcryptCost int
}

func (p params) bounded() bool {
	if p.bcryptCost != 0 {
		return p.bcryptCost >= bcrypt.MinCost && p.bcryptCost <= maxBcryptCost
	}
	return p.iterations >= 1 && p.iterations <= maxIterations && p.lanes >= 1 && p.lanes <= maxParallelism &&
		p.memory >= 8*uint32(p.lanes) && p.memory <= maxMemoryKiB && p.memory*p.iterations <= maxWork
}

// hash makes a new encoded hash.
func (p params) hash(password string) (string, error) {
	if p.bcryptCost != 0 {
		b, err := bcrypt.GenerateFromPassword([]byte(password), p.bcryptCost)
		return string(b), err
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, p.iterations, p.memory, p.lanes, keyBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		p.memory, p.iterations, p.lanes, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// stored is an encoded hash, read.
type stored struct {
	params
	salt, key []byte // of argon2id
	bcrypt    string
}

// decoy is a hash with these parameters that no password matches: its key is
// random and not the outcome of a hash.
func (p params) decoy() stored {
	s := stored{params: p}
	if p.bcryptCost != 0 {
		s.bcrypt = fmt.Sprintf("$2a$%02d$%s", p.bcryptCost, rand.Text()+rand.Text()+"O")
		return s
	}
	s.salt, s.key = make([]byte, saltBytes), make([]byte, keyBytes)
	rand.Read(s.salt)
	rand.Read(s.key)
	return s
}

// parse reads an encoded hash in its one spelling. It does no work beyond its
// length, whatever the hash asks for.
func parse(encoded string) (stored, error) {
	if len(encoded) > 256 {
		return stored{}, errMalformed
	}
	if strings.HasPrefix(encoded, "$argon2id$") {
		return parseArgon2(strings.Split(encoded, "$"))
	}
	return parseBcrypt(encoded)
}

// parseArgon2 reads "", "argon2id", "v=19", "m=…,t=…,p=…", salt, key.
func parseArgon2(part []string) (stored, error) {
	if len(part) != 6 || part[2] != "v=19" {
		return stored{}, errMalformed
	}
	values := strings.Split(part[3], ",")
	if len(values) != 3 {
		return stored{}, errMalformed
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(values[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(v, 10) != digits {
			return stored{}, errMalformed
		}
		n[i] = v
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, err1 := b64.DecodeString(part[4])
	key, err2 := b64.DecodeString(part[5])
	if err1 != nil || err2 != nil || strings.ContainsAny(encodedText(part), "\r\n") ||
		len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return stored{}, errMalformed
	}
	p := params{memory: uint32(n[0]), iterations: uint32(n[1]), lanes: uint8(min(n[2], 255))}
	if n[0] > maxMemoryKiB || n[1] > maxIterations || !p.bounded() {
		return stored{}, errBounds
	}
	return stored{params: p, salt: salt, key: key}, nil
}

// encodedText is the base64 text, in which Go's decoder would pass over line
// breaks.
func encodedText(part []string) string { return part[4] + part[5] }

// parseBcrypt reads $2a$12$ and 53 characters. $2b$ and $2y$ are the same
// algorithm; $2x$ marks hashes of an old faulty one.
func parseBcrypt(encoded string) (stored, error) {
	if len(encoded) != 60 || encoded[0] != '$' || encoded[1] != '2' || strings.IndexByte("aby", encoded[2]) < 0 ||
		encoded[3] != '$' || encoded[6] != '$' {
		return stored{}, errMalformed
	}
	for _, c := range []byte(encoded[7:]) {
		if !(c == '.' || c == '/' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return stored{}, errMalformed
		}
	}
	tens, ones := encoded[4]-'0', encoded[5]-'0'
	if tens > 9 || ones > 9 {
		return stored{}, errMalformed
	}
	p := params{bcryptCost: int(tens)*10 + int(ones)}
	if p.bcryptCost == 0 || !p.bounded() {
		return stored{}, errBounds
	}
	return stored{params: p, bcrypt: encoded}, nil
}

// matches does the work and compares in constant time.
func (s *stored) matches(password string) bool {
	if s.bcrypt != "" {
		cut := password[:min(len(password), bcryptBytes)] // as much work for a longer one
		same := bcrypt.CompareHashAndPassword([]byte(s.bcrypt), []byte(cut)) == nil
		return same && len(password) <= bcryptBytes
	}
	key := argon2.IDKey([]byte(password), s.salt, s.iterations, s.memory, s.lanes, uint32(len(s.key)))
	return subtle.ConstantTimeCompare(key, s.key) == 1
}

// weakerThan reports whether the hash should be made anew.
func (s *stored) weakerThan(p params) bool {
	if p.bcryptCost != 0 {
		return s.bcryptCost == 0 || s.bcryptCost < p.bcryptCost
	}
	return s.bcryptCost != 0 || s.memory < p.memory || s.iterations < p.iterations ||
		len(s.salt) < saltBytes || len(s.key) < keyBytes
}
