namespace Distributed.Cli.Doctor;

internal enum Health
{
    Ok,

    /// <summary>Works, but not as well as it could.</summary>
    Warn,

    /// <summary>Training cannot work like this.</summary>
    Fail,
}

/// <summary>What one check found, and how to mend it where it is not well.</summary>
internal sealed record Finding(string Check, Health Health, string Detail, string? Mend = null)
{
    public static Finding Ok(string check, string detail) => new(check, Health.Ok, detail);
}
