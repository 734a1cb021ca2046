using Distributed.Kernel;

namespace Distributed.Training.Specification;

/// <summary>
/// A run spec that cannot be run. The message is the first error and how many more there are;
/// <see cref="Errors"/> has all, one line each: where, which key, what, expected.
/// </summary>
public sealed class SpecificationException : OperatingException
{
    public SpecificationException(IReadOnlyList<string> errors, Exception? inner = null)
        : base(Summary(errors), ExitCodes.BadUsage, inner) => Errors = errors;

    public IReadOnlyList<string> Errors { get; }

    private static string Summary(IReadOnlyList<string> errors)
    {
        Invariant.Check(errors.Count > 0, "a specification exception needs an error");
        return errors.Count switch
        {
            1 => errors[0],
            2 => $"{errors[0]} (and 1 more error)",
            _ => $"{errors[0]} (and {errors.Count - 1} more errors)",
        };
    }
}
