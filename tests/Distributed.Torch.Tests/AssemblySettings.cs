using System.Runtime.Versioning;

using Xunit;

// The engine counts its handles and sets its threads for the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: UnsupportedOSPlatform("windows")]
