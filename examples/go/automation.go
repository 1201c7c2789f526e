package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

// With arguments the process drives its own program, such as from a scheduler: `go run . up dev`; also preview,
// refresh, destroy. Pulumi's CLI gives it none. An `init`, so that main.go stays a whole program without this file.
func init() {
	if len(os.Args) < 2 {
		return
	}
	stack := "dev"
	if len(os.Args) > 2 {
		stack = os.Args[2]
	}
	if err := automate(context.Background(), os.Args[1], stack); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func automate(ctx context.Context, command, name string) error {
	commands := map[string]func(auto.Stack) error{
		"preview": func(stack auto.Stack) error {
			_, err := stack.Preview(ctx, optpreview.ProgressStreams(os.Stdout))
			return err
		},
		"up": func(stack auto.Stack) error {
			_, err := stack.Up(ctx, optup.ProgressStreams(os.Stdout))
			return err
		},
		"refresh": func(stack auto.Stack) error {
			_, err := stack.Refresh(ctx, optrefresh.ProgressStreams(os.Stdout))
			return err
		},
		"destroy": func(stack auto.Stack) error {
			_, err := stack.Destroy(ctx, optdestroy.ProgressStreams(os.Stdout))
			return err
		},
	}
	run, known := commands[command]
	if !known {
		return fmt.Errorf("unknown command: %s; write preview, up, refresh, destroy", command)
	}
	// The Pulumi.yaml of this folder says where the plugin is.
	stack, err := auto.UpsertStackInlineSource(ctx, name, "allomia-go", declare, auto.WorkDir("."))
	if err != nil {
		return err
	}
	return run(stack)
}
