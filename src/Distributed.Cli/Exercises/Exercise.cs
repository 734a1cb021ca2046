using System.Globalization;
using Distributed.Cli.Reports;
using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports;
using Distributed.Kernel;

namespace Distributed.Cli.Exercises;

/// <summary>
/// An exercise of the course that is a sweep: an ordinary sweep file that comes with the program,
/// and a report whose first sentence answers the exercise's question.
/// </summary>
internal abstract class Exercise
{
    private static readonly Exercise[] All =
        [new ConvolutionExercise(), new DatasetExercise(), new DepthExercise()];

    public abstract int Number { get; }

    public abstract string Title { get; }

    /// <summary>What it is to find out, as a sentence.</summary>
    public abstract string Question { get; }

    /// <summary>What the report calls what is varied.</summary>
    public virtual ParameterLabels Labels => ParameterLabels.None;

    /// <summary>The sweep file's name without its ending.</summary>
    protected abstract string FileName { get; }

    public static Exercise Of(int number) =>
        All.FirstOrDefault(exercise => exercise.Number == number)
            ?? throw new InvariantException($"exercise {number} is no sweep");

    /// <summary>The answer, in sentences; of a sweep that runs, from what there is.</summary>
    public abstract string Headline(SweepState state);

    /// <summary>What stands behind the answer.</summary>
    public abstract IEnumerable<Section> Sections(
        ExerciseFindings findings, CancellationToken cancellation);

    /// <summary>The sweep file; the quick one gives an answer in minutes, with less certainty.
    /// </summary>
    public (string Yaml, string Origin) SweepFile(bool isQuick)
    {
        string name = $"{FileName}{(isQuick ? "-quick" : "")}.yaml";
        using Stream stream = typeof(Exercise).Assembly.GetManifestResourceStream(name)
            ?? throw new InvariantException($"the program has no resource {name}");
        using var reader = new StreamReader(stream);
        return (reader.ReadToEnd(), name);
    }

    /// <summary>`three` for 3: numbers that begin a sentence.</summary>
    protected static string Words(int count) => count switch
    {
        1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        5 => "five",
        _ => count.ToString(CultureInfo.InvariantCulture),
    };
}
