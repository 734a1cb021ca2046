using System.CommandLine;
using System.CommandLine.Invocation;

namespace Distributed.Cli.Commands;

/// <summary>The ordinary help, and examples under it.</summary>
internal sealed class TeachingHelp(SynchronousCommandLineAction ordinary)
    : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> ExamplesOfCommand = new()
    {
        [""] =
        [
            "./distributed train                        the course network on Fashion-MNIST",
            "./distributed train --dataset mnist --epochs 3",
            "./distributed train --help                 all that can be set, with defaults",
            "./distributed doctor                       is this machine ready?",
            "./distributed test                         the whole test suite",
        ],
        ["train"] =
        [
            "./distributed train",
            "./distributed train --dataset cifar-10 --model cifar-cnn --epochs 5",
            "./distributed train --workers 4 --lr 0.001 --set model.conv[0].filters=32",
            "./distributed train --model my-run.yaml --out runs/mine",
            "./distributed train --resume --out runs/mine    goes on where it was stopped",
            "./distributed train --json | jq .loss",
            "",
            "Ctrl-C saves the state and exits with 130; the same seed gives the same bits on any",
            "number of workers.",
        ],
        ["sweep"] =
        [
            "./distributed sweep deploy/sweeps/asha-course-cnn.yaml --preview",
            "./distributed sweep mine.yaml --set trials=20 --workers 2",
            "./distributed sweep --resume --out sweeps/mine    goes on where it was stopped",
            "./distributed sweep pause sweeps/mine             from another terminal",
            "",
            "deploy/sweeps/example.yaml shows every key of a sweep file. Ctrl-C saves all trials",
            "and exits with 130.",
        ],
        ["retrain"] =
        [
            "./distributed retrain sweeps/mine/17",
            "./distributed retrain sweeps/mine/17 --to-end    beyond where it was stopped early",
        ],
        ["exercise"] =
        [
            "./distributed exercise 1",
            "./distributed exercise 2 --quick          an answer in minutes",
            "./distributed exercise 3 --set seeds=5    narrower intervals",
            "./distributed exercise 4 --resume         goes on where it was stopped",
        ],
        ["tensorboard"] =
        [
            "./distributed tensorboard runs/mine",
            "./distributed tensorboard sweeps/mine --port 6007    all trials of a sweep",
        ],
        ["coordinator"] =
        [
            "./distributed coordinator --config cluster.hocon",
        ],
        ["worker"] =
        [
            "./distributed worker --config cluster.hocon",
        ],
        ["eval"] =
        [
            "./distributed eval runs/mine",
            "./distributed eval runs/mine --dataset mnist",
        ],
        ["predict"] =
        [
            "./distributed predict runs/mine shoe.png shirt.jpg",
        ],
        ["export"] =
        [
            "./distributed export runs/mine --format safetensors",
            "./distributed export runs/mine --format onnx --out mine.onnx",
        ],
        ["report"] =
        [
            "./distributed report runs/mine",
            "./distributed report runs/mine --out mine.html",
            "./distributed report sweeps/mine         also while the sweep runs",
        ],
        ["sim"] =
        [
            "./distributed sim --seeds 1..100",
            "./distributed sim --seed 7 --nodes 1000 --hours 0.1",
            "./distributed sim --seed 7 --without partitions,pauses --log 2> what-happened.txt",
        ],
        ["bench"] =
        [
            "./distributed bench --install-peers        PyTorch and OpenMPI, to compare with",
            "./distributed bench allreduce --ranks 2 --sizes 64KiB,64MiB",
            "./distributed bench step --model mnist-cnn --workers 2 --report step.html",
        ],
        ["allreduce"] =
        [
            "./distributed bench allreduce",
            "./distributed bench allreduce --transport shm --ranks 2,4 --sizes 4KiB..256MiB",
            "./distributed bench allreduce --peers gloo --json",
        ],
        ["step"] =
        [
            "./distributed bench step",
            "./distributed bench step --model cifar-cnn --workers 2 --seconds 20 --rounds 3",
        ],
        ["data"] =
        [
            "./distributed data list",
            "./distributed data get cifar-10",
            "./distributed data verify",
        ],
    };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = ordinary.Invoke(parseResult);
        Command command = parseResult.CommandResult.Command;
        string name = command is RootCommand ? "" : command.Name;
        if (ExamplesOfCommand.TryGetValue(name, out string[]? examples))
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples)
                output.WriteLine(example.Length == 0 ? "" : $"  {example}");
        }
        return exitCode;
    }
}
