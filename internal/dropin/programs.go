package main

import (
	"embed"
	"io/fs"
	"path"
)

// theirs is the module that the programs require, and that the replace line names.
const theirs = "github.com/afex/hystrix-go"

// program is a published module whose tests, or whose code, use hystrix-go.
type program struct {
	module, version string
	sum             string // of its zip, as go.sum has it
	packages        string
	run             string // which tests, as go test's -run has it
	note            string
}

// programs are those of hystrix-go's users that a public module proxy serves and whose
// tests end.
var programs = []program{
	{
		module: "github.com/go-kit/kit", version: "v0.13.0",
		sum:      "h1:OoneCcHKHQ03LfBpoQCUfCluwd2Vt3ohz+kvbJneZAU=",
		packages: "./circuitbreaker",
		run:      "^Test",
	},
	{
		module: "github.com/gojek/heimdall/v7", version: "v7.0.3",
		sum:      "h1:+5sAhl8S0m+qRRL8IVeHCJudFh/XkG3wyO++nvOg+gc=",
		packages: "./hystrix",
		run:      "^Test",
		note:     "without its Examples, which ask a host on the Internet",
	},
	{
		module: "github.com/arriqaaq/boomerang", version: "v1.3.0",
		sum:      "h1:1M16FzXxwo1xyJdyAmMdf6/RUiBg90WXX6Zj+REtK/o=",
		packages: ".",
		run:      "^Test",
		note:     "its hystrix client is compiled, no test calls it; published without go.mod",
	},
}

// given has the go.mod and go.sum of a program that was published before there were any.
//
//go:embed programs
var given embed.FS

// givenFiles are the files that the program's zip lacks, by name.
func (p program) givenFiles() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := fs.ReadFile(given, path.Join("programs", path.Base(p.module), name+".txt"))
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}
