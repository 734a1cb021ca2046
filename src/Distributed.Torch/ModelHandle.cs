using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>Owns a native model; a call in progress keeps it alive.</summary>
internal sealed class ModelHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.ModelFree(handle);
        return true;
    }
}
