package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// generatePackage writes the Python SDK that Pulumi's own generator makes of a package schema into the folder, as
// `pulumi package add` asks for it; other schemas come from the loader, an address of the engine's.
func generatePackage(loader, folder string, source io.Reader) error {
	var spec schema.PackageSpec
	if err := json.NewDecoder(source).Decode(&spec); err != nil {
		return err
	}
	client, err := schema.NewLoaderClient(loader)
	if err != nil {
		return err
	}
	cached := schema.NewCachedLoader(client)
	pkg, diagnostics, err := schema.BindSpec(spec, cached, schema.ValidationOptions{AllowDanglingReferences: true})
	if err == nil && diagnostics.HasErrors() {
		err = diagnostics
	}
	if err != nil {
		return err
	}
	files, err := python.GeneratePackage("pulumi package add", pkg, nil, cached)
	if err != nil {
		return err
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
