// Command sdkgen writes the SDKs that Pulumi's own generators make of a package schema, or compares them with what is
// there: `sdkgen [--check] [--published] schema.json sdk`. Each language has a folder below `sdk` that belongs to it alone.
// With `sdkgen --program LOADER` it writes a program in Python, as the vendor's language host does for an import, and
// with `sdkgen --package LOADER folder` the Python SDK of a package, as that host does for `pulumi package add`.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// tool is what the generated files say they come from.
const tool = "make sdk"

// isLocal says that the Node SDK compiles itself when it is installed; one to publish is compiled before.
var isLocal = true

// generators has a function for each language that returns the text of each file by its slash-separated name.
var generators = map[string]func(*schema.Package) (map[string][]byte, error){
	"go": func(pkg *schema.Package) (map[string][]byte, error) {
		return gogen.GeneratePackage(tool, pkg, nil)
	},
	"nodejs": func(pkg *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, pkg, nil, nil, isLocal, nil)
	},
}

func main() {
	check := flag.Bool("check", false, "compare and fail on the first difference, instead of writing")
	published := flag.Bool("published", false, "write an SDK to be compiled and then published")
	loader := flag.String("program", "", "write a program from standard input; the address of the engine's schema loader")
	packages := flag.String("package", "", "write the SDK of the schema on standard input; the address is as above")
	flag.Parse()
	isLocal = !*published
	if *packages != "" && flag.NArg() == 1 {
		if err := generatePackage(*packages, flag.Arg(0), os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if *loader != "" {
		if err := generateProgram(*loader, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdkgen [--check] [--published] schema.json sdk")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(schemaFile, folder string, check bool) error {
	act := write
	if check {
		act = compare
	}
	for _, language := range slices.Sorted(maps.Keys(generators)) {
		// The generators change the package that they are given, so each gets its own.
		pkg, err := load(schemaFile)
		if err != nil {
			return err
		}
		files, err := generators[language](pkg)
		if err != nil {
			return fmt.Errorf("the %s SDK cannot be generated: %w", language, err)
		}
		if err := act(filepath.Join(folder, language), files); err != nil {
			return err
		}
	}
	return nil
}

func load(schemaFile string) (*schema.Package, error) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("%s is not a package schema: %w", schemaFile, err)
	}
	pkg, diagnostics, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err == nil && diagnostics.HasErrors() {
		err = diagnostics
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a valid package schema: %w", schemaFile, err)
	}
	return pkg, nil
}

// write makes the folder hold the files and nothing else, except what its own .gitignore leaves out.
func write(folder string, files map[string][]byte) error {
	strays, err := strays(folder, files)
	if err != nil {
		return err
	}
	for _, name := range strays {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare names the first file that write would change.
func compare(folder string, files map[string][]byte) error {
	strays, err := strays(folder, files)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(slices.Values(slices.Concat(strays, slices.Collect(maps.Keys(files))))) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		text, isGenerated := files[name]
		if !isGenerated {
			return fmt.Errorf("%s is not a generated file; run `%s`", path, tool)
		}
		found, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s cannot be read; run `%s`", path, tool)
		}
		if !bytes.Equal(found, text) {
			return fmt.Errorf("%s is not what the schema gives; run `%s`", path, tool)
		}
	}
	return nil
}

// strays returns the slash-separated names of the files in the folder that were not generated. The folders that the
// generated .gitignore names hold what users build, and are passed over.
func strays(folder string, files map[string][]byte) ([]string, error) {
	var found []string
	ignored := strings.Fields(string(files[".gitignore"]))
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if entry.IsDir() {
			if slices.Contains(ignored, name+"/") {
				return filepath.SkipDir
			}
			return nil
		}
		if _, isGenerated := files[name]; !isGenerated {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}
