using System.CommandLine;
using System.Globalization;
using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Training.Export;
using Distributed.Training.Inference;
using Distributed.Training.Specification;

namespace Distributed.Cli.Commands;

/// <summary>`export`: a trained network as a file that other programs read.</summary>
internal static class ExportCommand
{
    private const string SafeTensorsFormat = "safetensors";
    private const string OnnxFormat = "onnx";

    public static Command Create(CommandServices services)
    {
        Argument<string> run = Flags.Words<string>(
            "RUN", "Run folder, or the name of one under runs/", ArgumentArity.ExactlyOne);
        Option<string?> format = Flags.Choice(
            "--format",
            "safetensors: PyTorch's names and shapes; onnx: the network for inference",
            SafeTensorsFormat, OnnxFormat);
        format.Required = true;
        Option<string?> output = Flags.Text(
            "--out", "File to write [default: model.safetensors or model.onnx in the run folder]",
            "FILE");
        var command = new Command("export", "Writes a trained network for other programs.")
        {
            run, format, output,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => Run(
                parsed.GetRequiredValue(run), parsed.GetRequiredValue(format)!,
                parsed.GetValue(output), services.Terminal, cancellation),
            cancellation));
        return command;
    }

    private static void Run(
        string folder, string format, string? file, Terminal terminal,
        CancellationToken cancellation)
    {
        using TrainedRun run = TrainedRuns.Open(folder, terminal, cancellation);
        file ??= Path.Combine(run.Folder, $"model.{format}");
        ModelWeights weights = run.Weights();
        var metadata = new Dictionary<string, string>
        {
            ["model"] = run.Spec.Model.Name,
            ["dataset"] = run.Spec.Dataset.Name,
            ["classes"] = string.Join('\n', run.Data.ClassNames),
            ["mean"] = Numbers(run.Data.Mean),
            ["std"] = Numbers(run.Data.StandardDeviation),
        };
        // The network is exported as it is: whoever uses it averages over the views, or does not.
        if (run.Spec.TestTimeAugmentation != TestTimeAugmentation.None)
        {
            metadata["testTimeAugmentation"] =
                SpecWords.Of(run.Spec.TestTimeAugmentation);
        }
        WriteWhole(file, stream =>
        {
            if (format == OnnxFormat)
                OnnxExporter.Write(stream, weights, metadata);
            else
                SafeTensorsExporter.Write(
                    stream, weights, run.Checkpoint.Manifest.Step, metadata);
        });
        terminal.Output.WriteLine(
            $"{file}: {run.Spec.Model.Name} after step {run.Checkpoint.Manifest.Step}, "
            + $"{Figures.Whole(run.Network.ParameterCount)} parameters, "
            + Figures.Bytes(new FileInfo(file).Length));
    }

    /// <summary>An earlier export stays as it was until the new one is whole.</summary>
    private static void WriteWhole(string file, Action<Stream> write)
    {
        string partial = file + ".partial";
        try
        {
            using (FileStream stream = File.Create(partial))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, file, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(partial))
                File.Delete(partial);
            throw new OperatingException(
                $"{file} cannot be written ({failure.Message}): expected a folder of yours with "
                + "room in it; give another --out", inner: failure);
        }
    }

    private static string Numbers(IEnumerable<double> values) => string.Join(
        ' ', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
}
