using System.Globalization;
using Distributed.Kernel;

namespace Distributed.Cli.Bench.Engine;

/// <summary>
/// `bench engine`: does this device compute what it should? Every kind of layer, all presets and
/// optimizers on the device, against the same in float64 on the processor.
/// </summary>
internal sealed class EngineBench(
    string device, IReadOnlyList<string> precisions, IReadOnlyList<string> names,
    BenchOutput output)
{
    public const string ValuesCommand = "engine-values";
    public const string Reference = "fp64";

    public static IReadOnlyList<string> PrecisionNames { get; } = ["fp32", EngineCheck.Half];

    private readonly List<IReadOnlyList<string>> _rows = [];
    private int _wrong;

    /// <exception cref="OperatingException">A check is off, or the device cannot be
    /// used.</exception>
    public void Run()
    {
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        try
        {
            output.Progress("float64 on the processor");
            Dictionary<string, EngineSection> expected =
                Compute("cpu", Reference, folder).ToDictionary(section => section.Name);
            foreach (string precision in precisions)
            {
                output.Progress($"{precision} on {device}");
                foreach (EngineSection section in Compute(device, precision, folder))
                    Check(precision, section, expected.GetValueOrDefault(section.Name));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        output.Table(
            $"{device} against float64 on the processor",
            ["", "precision", "check", "difference", "limit"], _rows);
        if (_wrong > 0)
        {
            throw new OperatingException(
                $"{_wrong} of {_rows.Count} checks of {device} are off: expected all within their "
                + "limits; do not trust results of this device with this libtorch");
        }
    }

    private void Check(string precision, EngineSection section, EngineSection? expected)
    {
        EngineCheck check = EngineCheck.Of(precision, section, expected);
        _wrong += check.IsOk ? 0 : 1;
        output.Json(new
        {
            Check = section.Name,
            Device = device,
            Precision = precision,
            Difference = double.IsFinite(check.Difference) ? check.Difference : (double?)null,
            check.Limit,
            Ok = check.IsOk,
        });
        _rows.Add(
        [
            check.IsOk ? "ok" : "WRONG", precision, section.Name,
            string.Create(CultureInfo.InvariantCulture, $"{check.Difference:0.0e+0}"),
            string.Create(CultureInfo.InvariantCulture, $"{check.Limit:0e+0}"),
        ]);
    }

    private IReadOnlyList<EngineSection> Compute(
        string place, string precision, string folder)
    {
        string file = Path.Combine(folder, precision);
        (int exitCode, string said) = Shell.Run(
            Environment.ProcessPath!, "bench", ValuesCommand, "--device", place, "--precision",
            precision, "--only", string.Join(',', names), "--out", file)
            ?? throw new InvariantException("this program is not there");
        return exitCode == 0
            ? EngineSection.ReadAll(file)
            : throw new OperatingException(
                $"computing on {place} in {precision} ended with exit code {exitCode}: "
                + said.Trim());
    }
}
